"""Writing that is whole or not there: a temporary name beside the target, then a rename."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from data.errors import QianyueError


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def text_hash(text: str) -> str:
    """Hex SHA-256 of a text in UTF-8, lone surrogates and all."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def atomic_write(path: Path | str, mode: str = "w") -> Iterator[IO]:
    """Open a temporary file beside ``path``; it takes the name ``path`` only when the block ends well.

    Raises:
        QianyueError: the folder cannot be made or written to; nothing is left half-written.
    """
    target = Path(path)
    if target.is_dir():
        raise QianyueError("expected a file to write, found a folder", place=str(target),
                           repair=f"{target / 'out.jsonl'}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as fault:
        raise QianyueError(
            f"cannot write here: {fault.strerror}",
            place=str(target),
            repair="choose an output folder you may write to, or free the disk",
        ) from fault
    try:
        is_text = "b" not in mode
        with os.fdopen(handle, mode, encoding="utf-8" if is_text else None, newline="\n" if is_text else None) as stream:
            yield stream
        # mkstemp makes files private; a result is for others to read as the umask allows.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with atomic_write(path) as stream:
        stream.write(text)
