"""Members of archives, read as streams: nothing is unpacked to disk, and no name leads anywhere.

A member with a dangerous name (``../../etc``), a link, a sparse or an encrypted file is a fault of its own; an archive
that unpacks to far more than it holds is taken for a bomb and left at that point.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from data.compressed import LIMITS, Limits
from data.errors import DataError
from data.listing import HTML, TEXT, form_of

_DRIVE = re.compile(r"^[A-Za-z]:")
_UTF8_NAME = 0x800
# What the reading of a member may raise where its data are broken.
MEMBER_FAULTS = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError)
_WARC_FORMS = {"text/html": HTML, "application/xhtml+xml": HTML, "text/plain": TEXT}


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file of an archive, to be read before the next one is asked for."""

    name: str
    form: str | None
    stream: IO[bytes]


@dataclass(frozen=True, kw_only=True)
class MemberFault:
    """A member that is not read, and why."""

    name: str
    reason: str


def unsafe_name(name: str) -> bool:
    """Whether a member's name is absolute, climbs out of its archive, or holds control characters."""
    parts = name.replace("\\", "/").split("/")
    return not name or name[0] in "/\\" or bool(_DRIVE.match(name)) or ".." in parts or any(c < " " for c in name)


def zip_members(stream: IO[bytes], *, place: str, packed_bytes: int, dropped: Counter[str], limits: Limits = LIMITS
                ) -> Iterator[Member | MemberFault]:
    """Members of a ``.zip`` in the order of its directory; ``stream`` must be able to seek.

    Raises:
        DataError: it is no zip archive, or a bomb.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError) as fault:
        raise DataError(f"expected a zip archive, found it broken: {fault}", place=place, repair="unzip -t FILE") from fault
    total = 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        name = _zip_name(info)
        if refused := _refused(name, dropped):
            if refused.reason:
                yield refused
            continue
        if info.file_size > max(limits.free_bytes, limits.ratio * max(1, info.compress_size)):
            yield MemberFault(name=name, reason=f"unpacks to more than {limits.ratio} times its size: taken for a bomb")
            continue
        total += info.file_size
        if total > max(limits.free_bytes, limits.ratio * packed_bytes):
            raise DataError(f"unpacks to more than {limits.ratio} times its size: taken for a bomb at {name}", place=place,
                            repair="unpack it where you trust it, and give the files")
        try:
            # A member never yields more bytes than its header says, so the checks above hold for what is read.
            with archive.open(info) as member:
                yield Member(name=name, form=form_of(name), stream=member)
        except MEMBER_FAULTS as fault:
            yield MemberFault(name=name, reason=f"cannot be unpacked: {fault}")


def tar_members(stream: IO[bytes], *, place: str, dropped: Counter[str]) -> Iterator[Member | MemberFault]:
    """Members of a ``.tar`` from a stream that was unpacked already.

    Raises:
        DataError: it is no tar archive, or it ends too early.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                # The archive keeps every header it has seen; millions of them need not be kept.
                archive.members = []  # type: ignore[attr-defined]
                if info.isdir():
                    continue
                if refused := _refused(info.name, dropped):
                    if refused.reason:
                        yield refused
                elif info.issparse() or not info.isfile():
                    yield MemberFault(name=info.name, reason="expected a plain file, found a link, a device or a sparse file")
                elif member := archive.extractfile(info):
                    yield Member(name=info.name, form=form_of(info.name), stream=member)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as broken:
        raise DataError(f"expected a tar archive, found it broken: {broken}", place=place, repair="tar -tf FILE") from broken


def _refused(name: str, dropped: Counter[str]) -> MemberFault | None:
    """Why a member is not opened; with an empty reason where it is passed over, as a folder's file would be."""
    if unsafe_name(name):
        return MemberFault(name=name, reason="its name leads out of the archive")
    if name.rsplit("/", 1)[-1].startswith(".") or name.startswith("__MACOSX/"):
        dropped["hidden"] += 1
        return MemberFault(name=name, reason="")
    if form_of(name) is None:
        suffix = name.rsplit("/", 1)[-1].rpartition(".")
        dropped[f"of another form ({'.' + suffix[2].lower() if suffix[1] else 'no suffix'})"] += 1
        return MemberFault(name=name, reason="")
    return None


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The member's name; names without the UTF-8 flag were written in UTF-8 or GBK more often than in code page 437."""
    if info.flag_bits & _UTF8_NAME or info.orig_filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def warc_members(stream: IO[bytes], *, place: str, dropped: Counter[str]) -> Iterator[Member | MemberFault]:
    """Pages and texts among the responses of a WARC file; what else it holds is counted.

    Raises:
        DataError: ``warcio`` is not installed, or the file is broken.
    """
    try:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed
    except ImportError as fault:
        raise DataError("WARC files need the package warcio", place=place, repair="pip install 'qianyue[warc]'") from fault
    try:
        for record in ArchiveIterator(stream):
            form = _warc_form(record)
            if form is None:
                dropped[f"WARC records of another kind ({record.rec_type})"] += 1
                continue
            name = record.rec_headers.get_header("WARC-Target-URI") or "no address"
            yield Member(name=name, form=form, stream=record.content_stream())
    except (ArchiveLoadFailed, EOFError, ValueError, zlib.error) as fault:
        raise DataError(f"expected a WARC file, found it broken: {fault}", place=place) from fault


def _warc_form(record: Any) -> str | None:
    if record.rec_type not in ("response", "resource"):
        return None
    headers = record.http_headers
    if record.rec_type == "response" and (headers is None or headers.get_statuscode() != "200"):
        return None
    kind = headers.get_header("Content-Type") if headers else record.rec_headers.get_header("Content-Type")
    return _WARC_FORMS.get((kind or "").partition(";")[0].strip().lower())
