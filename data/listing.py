"""Which files a command's inputs name: files, folders, globs and URLs, in one order that every run repeats.

Folders are walked as a stream, sorted folder by folder, so that a million files cost no more memory than the fullest
folder. URLs (``s3://…``, anything that ``fsspec`` knows) are listed and opened through ``fsspec``.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, cast

from data.compressed import COMPRESSED_SUFFIXES

STANDARD_INPUT = "-"
TEXT, HTML, JSONL, JSON, CSV, PARQUET = "text", "HTML", "JSONL", "JSON", "CSV", "Parquet"
ZIP, TAR, WARC = "zip", "tar", "WARC"
FORMS = {
    ".txt": TEXT, ".md": TEXT, ".html": HTML, ".htm": HTML, ".jsonl": JSONL, ".json": JSON, ".csv": CSV, ".tsv": CSV,
    ".parquet": PARQUET, ".zip": ZIP, ".tar": TAR, ".tgz": TAR, ".tbz2": TAR, ".txz": TAR, ".warc": WARC}
SNIFFED_BYTES = 1024
KNOWN_FORMS = ", ".join(FORMS) + " (or one of them as " + " ".join(COMPRESSED_SUFFIXES) + ")"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One file to read; ``is_named`` where the user named the file itself, not a folder or a pattern it was found by."""

    path: str
    is_named: bool


@dataclass(frozen=True, kw_only=True)
class Unlisted:
    """An input that names nothing, or a folder that cannot be listed."""

    path: str
    reason: str
    is_missing: bool = False


def form_of(path: str) -> str | None:
    """The form that a file's name tells, its compression aside; None for a suffix that is unknown."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return FORMS.get(suffixes[-1]) if suffixes else None


def stem_of(name: str) -> str:
    """The file name without its extension, and without that of its compression."""
    plain = PurePosixPath(name.replace("\\", "/")).name
    for suffix in COMPRESSED_SUFFIXES:
        if plain.lower().endswith(suffix):
            plain = plain[: -len(suffix)]
            break
    return PurePosixPath(plain).stem or plain or "article"


def is_url(path: str) -> bool:
    """Whether ``path`` is for ``fsspec``, and no local path."""
    return "://" in path


def open_input(path: str) -> IO[bytes]:
    """Open a local path or a URL for reading; raises OSError as ``open`` does."""
    if not is_url(path):
        return open(path, "rb")
    import fsspec

    return cast(IO[bytes], fsspec.open(path, "rb").open())


def size_of(path: str) -> int:
    """Bytes of a file; 0 where that cannot be told."""
    try:
        if is_url(path):
            import fsspec

            system, inner = fsspec.core.url_to_fs(path)
            return int(system.size(inner) or 0)
        return os.stat(path).st_size
    except (OSError, ValueError, ImportError):
        return 0


def list_inputs(paths: Iterable[str], *, exclude: Collection[str] = (), dropped: Counter[str] | None = None
                ) -> Iterator[Listed | Unlisted]:
    """All files of the given paths in order, each once; folders and globs come sorted by path.

    Args:
        paths: files, folders, globs, URLs, or ``-``, which is passed on.
        exclude: real paths of files and folders that no folder or glob gives, such as the command's own output.
        dropped: counts what folders hold and nobody reads: files of other forms, hidden ones.
    """
    paths = list(paths)
    counts = Counter() if dropped is None else dropped
    seen: set[Any] = set()
    for path in paths:
        if path == STANDARD_INPUT:
            yield Listed(path=path, is_named=True)
            continue
        nothing = True
        for item in _expand(path, frozenset(exclude), counts):
            nothing = False
            if isinstance(item, Listed):
                key = _key(item.path) if len(paths) > 1 or os.path.islink(item.path) else None
                if key in seen:
                    counts["named twice"] += 1
                    continue
                if key is not None:
                    seen.add(key)
            yield item
        if nothing:
            kind = "a folder without" if os.path.isdir(path) else "a pattern that matches no"
            yield Unlisted(path=path, reason=f"expected articles, found {kind} {KNOWN_FORMS}")


def _key(path: str) -> Any:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return (found.st_dev << 64) | found.st_ino


def _expand(path: str, exclude: frozenset[str], dropped: Counter[str]) -> Iterator[Listed | Unlisted]:
    if is_url(path):
        yield from _expand_url(path, dropped)
    elif os.path.isdir(path):
        yield from _walk(path, exclude, dropped)
    elif not os.path.exists(path) and glob.has_magic(path):
        for match in sorted(glob.iglob(path, recursive=True)):
            if os.path.isdir(match):
                yield from _walk(match, exclude, dropped)
            elif os.path.realpath(match) not in exclude:
                yield Listed(path=match, is_named=False)
    else:
        yield Listed(path=path, is_named=True)


def _walk(folder: str, exclude: frozenset[str], dropped: Counter[str]) -> Iterator[Listed | Unlisted]:
    try:
        with os.scandir(folder) as entries:
            found = sorted((e.name, e.is_dir(follow_symlinks=False), e.is_file()) for e in entries)
    except OSError as fault:
        yield Unlisted(path=folder, reason=f"cannot be read: {fault.strerror or fault}",
                       is_missing=isinstance(fault, FileNotFoundError))
        return
    real = os.path.realpath(folder) if exclude else ""
    for name, is_folder, is_file in found:
        path = os.path.join(folder, name)
        if exclude and os.path.join(real, name) in exclude:
            continue
        if name.startswith("."):
            dropped["hidden"] += 1
        elif is_folder:
            yield from _walk(path, exclude, dropped)
        elif is_file and form_of(name):
            yield Listed(path=path, is_named=False)
        else:
            dropped[f"of another form ({PurePosixPath(name).suffix.lower() or 'no suffix'})"] += 1


def _expand_url(url: str, dropped: Counter[str]) -> Iterator[Listed | Unlisted]:
    import fsspec

    try:
        system, inner = fsspec.core.url_to_fs(url)
        if glob.has_magic(inner):
            found = sorted(system.glob(inner))
        elif system.isdir(inner):
            found = sorted(system.find(inner))
        else:
            yield Listed(path=url, is_named=True)
            return
    except (OSError, ValueError, ImportError) as fault:
        yield Unlisted(path=url, reason=f"cannot be read: {fault}")
        return
    for path in found:
        if form_of(path):
            yield Listed(path=system.unstrip_protocol(path), is_named=False)
        else:
            dropped[f"of another form ({PurePosixPath(path).suffix.lower() or 'no suffix'})"] += 1


def sniffed_form(data: bytes) -> str:
    """The form of a text or container, told by how it begins."""
    head = data[:SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if data.startswith(b"PK\x03\x04"):
        return ZIP
    if data.startswith(b"PAR1"):
        return PARQUET
    if data[257:262] == b"ustar":
        return TAR
    if head.startswith(b"{"):
        return JSONL
    if head.startswith(b"[") and head[1:].lstrip().startswith(b"{"):
        return JSON
    return HTML if head.startswith((b"<!doctype html", b"<html", b"<?xml")) else TEXT
