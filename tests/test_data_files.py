"""A file is written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from data.errors import QianyueError
from data.files import atomic_write, sha256_of, write_text


def test_the_name_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    with atomic_write(target) as stream:
        stream.write("医院\n")
        stream.flush()
        assert not target.exists()
    assert target.read_bytes() == "医院\n".encode()
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_the_old_file_and_no_rubbish(tmp_path: Path, fault: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(fault), atomic_write(target) as stream:
        stream.write("new")
        raise fault
    assert target.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_bytes_and_permissions(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    before = os.umask(0o027)
    try:
        with atomic_write(target, "wb") as stream:
            stream.write(b"\x00\r\n")
    finally:
        os.umask(before)
    assert target.read_bytes() == b"\x00\r\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_line_ends_are_not_translated(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a\nb\r\nc")
    assert (tmp_path / "a.txt").read_bytes() == b"a\nb\r\nc"


def test_a_folder_that_cannot_be_written_to_is_told(read_only_folder: Path) -> None:
    for target in (read_only_folder / "a.txt", read_only_folder / "deeper" / "a.txt"):
        with pytest.raises(QianyueError) as caught:
            write_text(target, "x")
        assert str(target) in str(caught.value) and "repair" in str(caught.value)
    assert not list(read_only_folder.iterdir())


def test_a_parent_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(QianyueError, match="cannot write here"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_a_target_that_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(QianyueError):
        write_text(tmp_path, "x")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
