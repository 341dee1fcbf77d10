"""The HTTP endpoint for devices (aiohttp): POST /v1/reads and /v1/signals, GET /v1/health.

An answer comes when Kafka has the records: 200 when all were accepted, 207 when some or all were refused, each with
its index, field and reason. TLS is the proxy's in front; without one, keep it on loopback.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import BodyPartReader, web

from waysight.errors import EngineDown, WaysightError
from waysight.intake.rate import Bucket
from waysight.intake.reception import Reception
from waysight.intake.records import Refused, Taken, read_of, signal_of
from waysight.intake.tokens import Grant, TokenFile
from waysight.messages import ExternalRead

MOST_BYTES = 32 * 1024 * 1024
MOST_RECORDS = 1000
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_GRANT: web.RequestKey[Grant] = web.RequestKey("grant", Grant)


@dataclass(frozen=True, slots=True)
class Limits:
    """Records a second of one device, and at once."""

    per_s: float = 200.0
    burst: float = 2000.0


@dataclass
class Intake:
    """The handlers. `remark` says what is odd about a read that is taken all the same; `ready` raises EngineDown."""

    reception: Reception
    tokens: TokenFile
    remark: Callable[[ExternalRead], str] = lambda _: ""
    ready: Callable[[], None] = lambda: None
    limits: Limits = Limits()
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def app(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guard])
        app.router.add_post("/v1/reads", self._reads)
        app.router.add_post("/v1/signals", self._signals)
        app.router.add_get("/v1/health", self._health)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Who asks, and errors as JSON."""
        try:
            if request.path != "/v1/health":
                scheme, _, token = request.headers.get("Authorization", "").partition(" ")
                grant = self.tokens.find(token.strip()) if scheme.lower() == "bearer" else None
                if grant is None:
                    return _error(401, "unknown token: send `Authorization: Bearer <token>` of this device")
                request[_GRANT] = grant
            answer: web.StreamResponse = await handler(request)
            return answer
        except web.HTTPException as error:
            return _error(error.status, error.text or error.reason)
        except web.RequestPayloadError:
            return _error(
                400, "the body is not what its Content-Encoding or Content-Length says; send it again"
            )
        except EngineDown as error:
            return _error(503, str(error), {"Retry-After": "5"})
        except WaysightError as error:
            return _error(500, str(error))

    async def _health(self, request: web.Request) -> web.Response:
        del request
        await asyncio.to_thread(self.ready)
        return web.json_response({"status": "ok"})

    async def _reads(self, request: web.Request) -> web.Response:
        items, parts = await _content(request)
        now_ms = time.time_ns() // 1_000_000
        return await self._take(request[_GRANT], items, lambda raw: read_of(raw, now_ms, parts))

    async def _signals(self, request: web.Request) -> web.Response:
        items, _ = await _content(request)
        now_ms, grant = time.time_ns() // 1_000_000, request[_GRANT]
        return await self._take(grant, items, lambda raw: signal_of(raw, now_ms, grant.device_id))

    async def _take(self, grant: Grant, items: list[Any], check: Callable[[Any], Taken]) -> web.Response:
        bucket = self._buckets.setdefault(grant.device_id, Bucket(self.limits.per_s, self.limits.burst))
        if (wait_s := bucket.wait_s(len(items), time.monotonic())) > 0:
            words = f"{grant.device_id} sends more than {self.limits.per_s:g} records a second"
            return _error(429, words, {"Retry-After": str(math.ceil(wait_s))})
        good: dict[int, Taken] = {}
        refused: list[dict[str, Any]] = []
        for index, item in enumerate(items):
            try:
                if isinstance(item, Refused):
                    raise item
                taken = check(item)
                name, reason = grant.against(taken.device_id, _kind(taken), taken.key)
                if reason:
                    raise Refused(name, reason)
                good[index] = taken
            except Refused as error:
                refused.append(_refusal(index, _id(item), error))
        receipt = await asyncio.to_thread(self.reception.take, list(good.values()))
        indices = {id(taken): index for index, taken in good.items()}
        refused += [_refusal(indices[id(t)], t.id, error) for t, error in receipt.refused]
        reads = [t.record for t in good.values() if isinstance(t.record, ExternalRead)]
        notes = [{"read_id": r.read_id, "note": words} for r in reads if (words := self.remark(r))]
        body = {"accepted": receipt.accepted, "known": receipt.known,
                "refused": sorted(refused, key=lambda r: int(r["index"])), "notes": notes}  # fmt: skip
        return web.json_response(body, status=207 if refused else 200)


async def _content(request: web.Request) -> tuple[list[Any], dict[str, bytes]]:
    """The records as decoded JSON (a Refused for a line that is none), and the files beside them."""
    if not request.content_type.startswith("multipart/"):
        return _records(await request.read(), request.content_type), {}
    try:
        reads, parts = await _parts(request)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"the body is no multipart form: {error}") from error
    return _records(reads, "application/json"), parts


async def _parts(request: web.Request) -> tuple[bytes, dict[str, bytes]]:
    """The part `reads`, and the others by name; raises ValueError for a body that is no form."""
    reads, parts, size = b"", dict[str, bytes](), 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        held = bytearray()
        while chunk := await part.read_chunk():  # a form is not held to the limit by aiohttp itself
            size += len(chunk)
            if size > MOST_BYTES:
                raise web.HTTPRequestEntityTooLarge(MOST_BYTES, size)
            held += chunk
        data = bytes(held)
        if part.name == "reads":
            reads = data
        else:
            parts[part.name or part.filename or ""] = data
    return reads, parts


def _records(body: bytes, content_type: str) -> list[Any]:
    if content_type == "application/x-ndjson":
        items = [_line(number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
    else:
        try:
            found = msgspec.json.decode(body)
        except _NO_JSON as error:
            text = f"the body is no JSON: {error}; send an array of records, or lines as application/x-ndjson"
            raise web.HTTPBadRequest(text=text) from error
        items = found if isinstance(found, list) else [found]
    if len(items) > MOST_RECORDS:
        raise web.HTTPRequestEntityTooLarge(
            MOST_RECORDS, len(items), text=f"{len(items)} records are more than {MOST_RECORDS}; send fewer"
        )
    return items


def _line(number: int, line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except _NO_JSON as error:
        return Refused("", f"line {number} is no JSON: {error}")


def _kind(taken: Taken) -> str:
    return taken.record.device_kind if isinstance(taken.record, ExternalRead) else "signals"


def _id(item: Any) -> str:
    return str(item.get("read_id", "")) if isinstance(item, dict) else ""


def _refusal(index: int, read_id: str, error: Refused) -> dict[str, Any]:
    return {"index": index, "read_id": read_id, "field": error.field, "reason": error.reason}


def _error(status: int, words: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": words}, status=status, headers=headers)
