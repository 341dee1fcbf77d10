"""A package on disk appears whole or not at all, in a place of its own."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from waysight.authority.evidence.archive import read_package, write_package
from waysight.errors import BadConfiguration


@pytest.fixture
def package() -> dict[str, bytes]:
    """Files as those of a package."""
    return {"manifest.json": b'{"package": 1}', "frames/a.jpg": b"a" * 999, "records/review.json": b"{}"}


@pytest.mark.parametrize("name", ["package", "package.zip"])
@pytest.mark.parametrize("end", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_export_that_ends_early_leaves_nothing(
    package: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: BaseException
) -> None:
    write, seen = Path.write_bytes, list[Path]()

    def interrupted(path: Path, data: bytes) -> int:
        seen.append(path)
        if len(seen) == len(package) or name.endswith(".zip"):
            write(path, data[: len(data) // 2])
            raise end
        return write(path, data)

    out = tmp_path / "case 7" / name
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        with pytest.raises((BadConfiguration, KeyboardInterrupt), match=r"No space left|^$"):
            write_package(package, out)
    assert not any(out == p or out in p.parents for p in seen), "a killed export would look finished"
    assert list(out.parent.iterdir()) == []
    assert read_package(write_package(package, out)).files == package
    assert list(out.parent.iterdir()) == [out]


def test_an_empty_folder_takes_a_package_and_another_is_left_alone(
    package: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert read_package(write_package(package, tmp_path / "empty")).files == package
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    with pytest.raises(BadConfiguration, match="already there"):
        write_package(package, tmp_path / "full")
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["note.txt"]


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no archive")
    for path in (tmp_path / "x.zip", tmp_path / "nothing"):
        with pytest.raises(BadConfiguration, match="no evidence package"):
            read_package(path)
