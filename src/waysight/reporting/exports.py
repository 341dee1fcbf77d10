"""Writes rows to a file in constant memory, with a manifest beside it; both appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import pyarrow as pa

from waysight.digests import sha256_of
from waysight.errors import BadConfiguration, EngineDown
from waysight.reporting.ahead import ahead
from waysight.reporting.formats import FORMATS, Sink, format_of
from waysight.reporting.row_digest import RowDigest
from waysight.storage.columns import restore

MANIFEST_FORMAT = "waysight-export/1"


def manifest_path(path: Path) -> Path:
    """Where the manifest of an export lies."""
    return path.with_name(path.name + ".manifest.json")


class Export:
    """`with Export(...) as export: export.write_all(batches); export.publish(…)`; without `publish` nothing stays."""

    def __init__(
        self,
        path: Path,
        file_format: str,
        schema: pa.Schema,
        formats: Mapping[str, Callable[[Path, pa.Schema], Sink]] = FORMATS,
    ) -> None:
        self._path, self._schema, self._digest = path, schema, RowDigest()
        self.format = format_of(file_format, path, tuple(formats))
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        if path.is_dir():
            raise BadConfiguration(f"{path} is a folder; name a file in it with --out")
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.manifest")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch(mode=0o600)
            self._sink = formats[self.format](self._part, schema)
        except OSError as error:
            raise BadConfiguration(f"cannot write {path}: {error.strerror}; choose another --out") from error
        self.rows = 0

    def write_all(self, batches: Iterable[pa.RecordBatch], progress: Callable[[int], None]) -> None:
        """Write every batch; `progress` gets the number of rows so far. Raises EngineDown where the disk is full."""
        for batch in ahead(batches):
            rows = restore(batch, self._schema)
            self._digest.add(rows)
            with self._disk():
                self._sink.write(rows)
            self.rows += batch.num_rows
            progress(self.rows)
        with self._disk():
            self._sink.close()

    def manifest(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the file is: what was asked, its columns, rows, and the digests of the file and of its rows."""
        return {
            "manifest": MANIFEST_FORMAT,
            "file": self._path.name,
            "format": self.format,
            **asked,
            "columns": [{"name": f.name, "type": str(f.type), "nullable": f.nullable} for f in self._schema],
            "rows": self.rows,
            "bytes": self._part.stat().st_size,
            "sha256": sha256_of(self._part),
            "rows_sha256": self._digest.hexdigest(),
        }

    def publish(self, manifest: Mapping[str, Any]) -> None:
        """Give the file and its manifest their names."""
        self._draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        self._part.replace(self._path)
        self._draft.replace(manifest_path(self._path))

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EngineDown(
                f"cannot write {self._path} to its end: {error}; make room or choose another --out"
            ) from error

    def __enter__(self) -> Export:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for left in (self._part, self._draft):
            with contextlib.suppress(FileNotFoundError):
                left.unlink()
