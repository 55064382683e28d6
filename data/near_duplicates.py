"""Articles that say nearly the same: many outlets print one press release, and annotating it twice teaches nothing."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

SHINGLE_CHARS = 6
SAMPLED = 4  # one shingle in so many is compared; the same ones in every text
ENOUGH = 40  # texts with fewer sampled shingles are compared by all of theirs
SAME = 0.6  # Jaccard similarity from which two texts are the same report
COMMON = 200  # a shingle that stands in more texts than this is page furniture


def shingles(text: str) -> frozenset[int]:
    """Hashes of a fixed sample of the character shingles of a text, white space left out (Broder 1997,
    https://doi.org/10.1109/SEQUEN.1997.666900)."""
    plain = "".join(text.split())
    found = {int.from_bytes(hashlib.blake2b(plain[i : i + SHINGLE_CHARS].encode("utf-8", "surrogatepass"), digest_size=8).digest())
             for i in range(max(1, len(plain) - SHINGLE_CHARS + 1))}
    sample = {h for h in found if h % SAMPLED == 0}
    return frozenset(sample if len(sample) >= ENOUGH else found)


class SeenTexts:
    """Texts seen so far, and whether another one nearly repeats one of them."""

    def __init__(self, texts: Iterable[tuple[str, str]] = ()) -> None:
        self._of_id: dict[str, frozenset[int]] = {}
        self._holders: dict[int, list[str]] = defaultdict(list)
        for name, text in texts:
            self.add(name, text)

    def add(self, name: str, text: str) -> None:
        """Remember a text under its id."""
        self._of_id[name] = marks = shingles(text)
        for mark in marks:
            self._holders[mark].append(name)

    def like(self, text: str) -> str | None:
        """The id of the remembered text that this one is most like, from a similarity of ``SAME``; None without one."""
        marks = shingles(text)
        shared: dict[str, int] = defaultdict(int)
        for mark in marks:
            holders = self._holders.get(mark, ())
            for name in holders if len(holders) <= COMMON else ():
                shared[name] += 1
        best = max(shared, key=lambda n: self._similarity(marks, n), default=None)
        return best if best is not None and self._similarity(marks, best) >= SAME else None

    def _similarity(self, marks: frozenset[int], name: str) -> float:
        other = self._of_id[name]
        return len(marks & other) / len(marks | other)
