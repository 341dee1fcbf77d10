"""Loopback ports: is one free, who holds it, and which setting moves it."""

from __future__ import annotations

import itertools
import os
import socket

import psutil

from waysight.errors import BadConfiguration

HOST = "127.0.0.1"
FIRST, LAST = 22000, 32000


def is_free(port: int) -> bool:
    """True when a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on `port`: "pid 123 (java)", or "an unknown process"."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return "an unknown process"
    for connection in connections:
        address = tuple(connection.laddr)
        if connection.status == psutil.CONN_LISTEN and address[1:] == (port,) and connection.pid:
            try:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.Error:
                return f"pid {connection.pid}"
    return "an unknown process"


def require_free(port: int, setting: str) -> None:
    """Raise BadConfiguration naming the port, its holder and the setting when `port` is taken."""
    if not is_free(port):
        raise BadConfiguration(
            f"port {port} is taken by {holder(port)}; end that process, "
            f"or choose another port with WAYSIGHT_{setting.upper()}"
        )


def free_ports(count: int) -> list[int]:
    """`count` different ports that are free now, below the range from which the system takes clients' ports."""
    start = FIRST + os.getpid() * 20 % (LAST - FIRST)
    candidates = (*range(start, LAST), *range(FIRST, start))
    found = list(itertools.islice(filter(is_free, candidates), count))
    if len(found) < count:
        raise BadConfiguration(f"fewer than {count} free ports between {FIRST} and {LAST}; end some servers")
    return found
