"""Plain text for pre-training: files of one paragraph a line -> clean lines without duplicates, each with its weight."""

from __future__ import annotations

import gzip
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.clean import clean_text
from data.errors import DataError

SUFFIXES = (".txt", ".txt.xz", ".txt.gz")
MIN_LINE_CHARS = 12
SHINGLE_CHARS = 10
SHINGLE_SAMPLE = 8  # one shingle in so many is kept, chosen by its hash
NEAR_SHARE = 0.7  # a line most of whose sampled shingles were seen before is a near-duplicate
_BASE = np.uint64(0x9E3779B97F4A7C15)


def text_files(paths: Iterable[Path | str]) -> list[Path]:
    """The text files under the given files and folders, sorted.

    Raises:
        DataError: a path does not exist, or nothing to read is there.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise DataError("no such text file or folder", place=str(path), repair="--text FOLDER_OF_TXT_FILES")
        found = sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES)) if path.is_dir() else [path]
        files += found
    if not files:
        raise DataError(f"expected files ending in {' or '.join(SUFFIXES)}, found none",
                        place=", ".join(map(str, paths)), repair="--text FILE.txt.xz")
    return files


def iter_lines(path: Path) -> Iterator[str]:
    """Lines of one file, plain, ``.xz`` or ``.gz``, as a stream.

    Raises:
        DataError: it is no UTF-8, or its compression is broken.
    """
    opener = lzma.open if path.suffix == ".xz" else gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield str(line)
    except UnicodeDecodeError as fault:
        raise DataError(f"expected UTF-8, found byte {fault.object[fault.start]:#04x}", place=str(path),
                        repair=f"iconv -f GB18030 -t UTF-8 {path.name} > utf8.txt") from fault
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError) as fault:
        raise DataError(f"the compressed data is broken: {fault}", place=str(path)) from fault


def frequent_characters(files: Sequence[Path], min_count: int) -> list[str]:
    """The characters that stand at least ``min_count`` times in the lines as they are, in code point order."""
    counts: Counter[str] = Counter()
    for path in files:
        for line in tqdm(iter_lines(path), desc=f"characters of {path.name}", unit=" lines", unit_scale=True):
            counts.update(line)
    return sorted(c for c, n in counts.items() if n >= min_count)


class Deduplicator:
    """Knows lines it has seen, exactly or nearly: resemblance by sampled shingles (Broder 1997,
    https://doi.org/10.1109/SEQUEN.1997.666900)."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self.shingles: set[int] = set()

    def verdict(self, line: str) -> str | None:
        """``"exact duplicate"``, ``"near-duplicate"``, or None for a new line, which is then known."""
        key = hash(line)
        if key in self.lines:
            return "exact duplicate"
        sampled = sampled_shingles(line)
        seen = sum(s in self.shingles for s in sampled)
        if len(sampled) >= 3 and seen >= NEAR_SHARE * len(sampled):
            return "near-duplicate"
        self.lines.add(key)
        self.shingles.update(sampled)
        return None


def sampled_shingles(line: str) -> list[int]:
    """Hashes of the line's ``SHINGLE_CHARS``-character runs, one in ``SHINGLE_SAMPLE`` of them."""
    codes = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = len(codes) - SHINGLE_CHARS + 1
    if count < 1:
        return []
    hashes = np.zeros(count, dtype=np.uint64)
    for i in range(SHINGLE_CHARS):
        hashes = hashes * _BASE + codes[i : i + count]
    hashes ^= hashes >> np.uint64(29)
    return list(map(int, np.unique(hashes[hashes % np.uint64(SHINGLE_SAMPLE) == 0])))


def read_corpus_lines(
    files: Sequence[Path], weights: Mapping[str, float], counts: Counter[str]
) -> Iterator[tuple[str, float]]:
    """Clean, new lines and the weight of each.

    Args:
        files: from :func:`text_files`.
        weights: regular expression -> weight of the lines it is found in; the largest counts, 1 for other lines.
        counts: takes what was kept and what was dropped, and why.
    """
    known = Deduplicator()
    patterns = [(re.compile(pattern), weight) for pattern, weight in weights.items()]
    for path in files:
        for raw in tqdm(iter_lines(path), desc=path.name, unit=" lines", unit_scale=True):
            counts["lines read"] += 1
            line = clean_text(raw).text.strip()
            verdict = "too short" if len(line) < MIN_LINE_CHARS else known.verdict(line)
            if verdict:
                counts[verdict] += 1
                continue
            counts["lines kept"] += 1
            counts["characters kept"] += len(line)
            yield line, max((w for p, w in patterns if p.search(line)), default=1.0)
