"""Compressed bytes as bounded streams: what unpacks to far more than it came from is refused, not unpacked.

Suffixes: ``.gz .bz2 .xz .zst``. A stream is told by its first bytes, so a wrong or missing suffix does no harm.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from dataclasses import dataclass
from typing import IO, Any, cast

from data.errors import DataError

COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_MAGIC_BYTES = max(len(magic) for magic in _MAGIC)
# The tests that come with each format.
_TESTERS = {"gzip": "gzip -t FILE", "bz2": "bzip2 -t FILE", "xz": "xz -t FILE", "zstd": "zstd -t FILE"}
_FAULTS = (EOFError, OSError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one input may unpack to before it is taken for a bomb.

    ``document_bytes`` bounds one document, ``free_bytes`` may be unpacked from anything, and beyond that a stream may
    hold at most ``ratio`` times the bytes that it was unpacked from. Text packs 3 to 20 times; bombs 1,000 times and more.
    """

    document_bytes: int = 256 * 2**20
    free_bytes: int = 64 * 2**20
    ratio: int = 200


LIMITS = Limits()


class BoundedStream(io.RawIOBase):
    """Bytes of ``stream``, counted against the ``packed`` bytes that they come from.

    Args:
        stream: the unpacked bytes.
        source: the file object that the packed bytes are read from; its position tells how many they are.
        kind: the name of the packing, for messages; "" where nothing is packed, and nothing is checked.

    Raises:
        DataError: on reading: the packed data are broken, or they are a bomb.
    """

    def __init__(self, stream: IO[bytes], source: IO[bytes], *, kind: str, place: str, limits: Limits = LIMITS) -> None:
        self._stream, self._source, self._kind, self._place, self._limits = stream, source, kind, place, limits
        self._count = 0
        self._start = source.tell() if kind else 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except _FAULTS as fault:
            if not self._kind or (isinstance(fault, OSError) and fault.errno is not None):
                raise
            raise DataError(f"expected {self._kind} data, found it broken: {fault}", place=self._place,
                            repair=_TESTERS.get(self._kind, "")) from fault
        self._count += len(data)
        if self._kind and self._count > self._limits.free_bytes:
            packed = max(1, self._source.tell() - self._start)
            if self._count > self._limits.ratio * packed:
                raise DataError(f"unpacks to more than {self._limits.ratio} times its size: taken for a bomb",
                                place=self._place, repair="unpack it where you trust it, and give the files")
        buffer[: len(data)] = data
        return len(data)


class _Peeked(io.RawIOBase):
    """A stream with its first bytes put back; ``tell`` counts what was read."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head, self._stream, self._place = head, stream, 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        data, self._head = self._head[: len(buffer)], self._head[len(buffer):]
        data = data or self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def unpacked(source: IO[bytes], *, place: str, limits: Limits = LIMITS) -> io.BufferedReader:
    """``source`` without its compression, if it has one.

    Raises:
        DataError: on reading, see :class:`BoundedStream`.
    """
    if isinstance(source, io.BufferedReader) and _tells(source):
        head = source.peek(_MAGIC_BYTES)
    else:
        # A pipe cannot tell its place either, which the bound needs.
        head = source.read(_MAGIC_BYTES)
        source = cast(IO[bytes], _Peeked(head, source))
    kind = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
    plain = _opened(source, kind)
    return io.BufferedReader(BoundedStream(plain, source, kind=kind, place=place, limits=limits), 2**16)


def _tells(source: IO[bytes]) -> bool:
    """Whether a stream knows its place; a pipe does not."""
    try:
        source.tell()
    except OSError:
        return False
    return True


def _opened(source: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=source, mode="rb"))
    if kind == "bz2":
        return cast(IO[bytes], bz2.BZ2File(source, mode="rb"))
    if kind == "xz":
        return cast(IO[bytes], lzma.LZMAFile(source, mode="rb"))
    if kind == "zstd":
        import pyarrow

        return cast(IO[bytes], pyarrow.CompressedInputStream(pyarrow.PythonFile(source, mode="r"), "zstd"))
    return source


def read_limited(stream: IO[bytes], *, place: str, limits: Limits = LIMITS) -> bytes:
    """All bytes of one document.

    Raises:
        DataError: it is longer than ``limits.document_bytes``; no more than that is ever held.
    """
    pieces, size = [], 0
    while piece := stream.read(min(2**20, limits.document_bytes + 1 - size)):
        pieces.append(piece)
        size += len(piece)
        if size > limits.document_bytes:
            raise DataError(f"expected a document of at most {limits.document_bytes // 2**20} MiB, found a longer one",
                            place=place, repair="split it, or give its articles as lines of JSONL")
    return b"".join(pieces)
