"""The evidence store: pictures and packages in an object store, written once and never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, InvalidPathError, UnknownConfigurationKeyError
from obstore.store import from_url

from waysight.errors import BadConfiguration, BadMessage, EngineDown

EXTENSIONS = {"h264": "h264", "hevc": "hevc", "jpeg": "jpg"}


def frame_key(camera_id: str, captured_ms: int, epoch: str, seq: int, kind: str) -> str:
    """Key of a received frame; the UTC day of `captured_ms` is part of it; raises BadMessage for another kind."""
    if kind not in EXTENSIONS:
        raise BadMessage(f"a frame of kind {kind!r} of camera {camera_id} has no picture to keep")
    day = datetime.fromtimestamp(captured_ms / 1000, UTC)
    return f"frames/{camera_id}/{day:%Y%m%d}/{epoch}-{seq:09d}.{EXTENSIONS[kind]}"


def frame_kind(key: str) -> str:
    """h264, hevc or jpeg, from a frame's key; raises BadMessage for anything else."""
    kinds = {extension: kind for kind, extension in EXTENSIONS.items()}
    try:
        return kinds[key.rpartition(".")[2]]
    except KeyError:
        raise BadMessage(f"evidence {key!r} is no frame") from None


class EvidenceStore:
    """Create-only objects under a URL: `file:///folder`, `s3://bucket/prefix` (and its kin), `memory:///`.

    S3 credentials and endpoint come from the usual AWS_* variables.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        options = {"mkdir": True} if url.startswith("file:") else {}
        try:
            self._store = from_url(url, **options)
        except (BaseError, OSError, ValueError, UnknownConfigurationKeyError) as error:
            raise BadConfiguration(f"evidence store {url!r} cannot be opened: {_first_line(error)}; "
                                   "set WAYSIGHT_EVIDENCE_URL to file:///folder or s3://bucket/prefix") from error  # fmt: skip

    def put(self, key: str, data: bytes) -> str:
        """Keep `data` and return its SHA-256 (hex); the same again is no error.

        Raises BadMessage when the key holds other bytes, EngineDown when the store fails.
        """
        try:
            with self._errors(key):
                obstore.put(self._store, _checked(key), data, mode="create")
        except AlreadyExistsError:
            _same(key, data, self.get(key))
        return hashlib.sha256(data).hexdigest()

    async def aput(self, key: str, data: bytes) -> str:
        """`put` without blocking the event loop."""
        try:
            with self._errors(key):
                await obstore.put_async(self._store, _checked(key), data, mode="create")
        except AlreadyExistsError:
            _same(key, data, await self.aget(key))
        return hashlib.sha256(data).hexdigest()

    def get(self, key: str) -> bytes:
        """The bytes of a key; raises BadMessage when there is no such object."""
        with self._errors(key):
            return bytes(obstore.get(self._store, _checked(key)).bytes())

    async def aget(self, key: str) -> bytes:
        """`get` without blocking the event loop."""
        with self._errors(key):
            found = await obstore.get_async(self._store, _checked(key))
            return bytes(await found.bytes_async())

    def verify(self, key: str, sha256: str) -> bool:
        """Whether the object still has this SHA-256; raises BadMessage when it is gone."""
        return hashlib.sha256(self.get(key)).hexdigest() == sha256

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys under a prefix, in pages, in no particular order."""
        with self._errors(prefix):
            for page in obstore.list(self._store, prefix or None):
                yield from (str(item["path"]) for item in page)

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except AlreadyExistsError:
            raise
        except FileNotFoundError as error:
            raise BadMessage(f"evidence {key!r} is not in {self.url}") from error
        except InvalidPathError as error:
            raise BadMessage(f"evidence key {key!r} is not valid: {_first_line(error)}") from error
        except (BaseError, OSError) as error:
            raise EngineDown(f"evidence store {self.url} failed at {key!r}: {_first_line(error)}; "
                             "check that it is reachable, writable and not full") from error  # fmt: skip


def _checked(key: str) -> str:
    if not key or key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
        raise BadMessage(f"evidence key {key!r} is not a relative path without empty or dotted parts")
    return key


def _same(key: str, data: bytes, kept: bytes) -> None:
    if kept != data:
        raise BadMessage(f"evidence {key!r} is already kept with other bytes; it is never overwritten")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
