"""Cheap health probes; each returns None when healthy, else what is wrong."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Callable

from waysight.local.ports import HOST

Probe = Callable[[], str | None]
TIMEOUT_S = 2.0


def http_ok(port: int, path: str) -> Probe:
    """Healthy when GET http://127.0.0.1:port/path answers 200."""

    def probe() -> str | None:
        connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"no answer on port {port}: {error}"
        finally:
            connection.close()
        return None if status == 200 else f"port {port}{path} answers {status}"

    return probe


def kafka_broker(port: int) -> Probe:
    """Healthy when the broker lists itself in a Metadata (v1, no topics) answer, as clients need."""
    body = struct.pack(">hhih", 3, 1, 7, -1) + struct.pack(">i", 0)

    def probe() -> str | None:
        try:
            with socket.create_connection((HOST, port), timeout=TIMEOUT_S) as link:
                link.sendall(struct.pack(">i", len(body)) + body)
                answer = b""
                while len(answer) < 12:
                    part = link.recv(4096)
                    if not part:
                        return f"broker on port {port} hung up"
                    answer += part
        except OSError as error:
            return f"no broker on port {port}: {error}"
        correlation, brokers = struct.unpack(">ii", answer[4:12])
        if correlation != 7:
            return f"port {port} does not speak Kafka's protocol"
        return None if brokers >= 1 else f"broker on port {port} has not joined its cluster yet"

    return probe


def nothing() -> str | None:
    """Always healthy: for programs whose life is their health."""
    return None
