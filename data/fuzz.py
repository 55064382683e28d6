"""Damaged documents for tests of robustness: seeded mutations of real text, made the same in every run."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "utf-16-le", "latin-1", "shift_jis")
# Marks that reorder, join or hide, lone surrogates, line and paragraph ends, nulls, a letter with many accents.
ODD = ("\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u200b", "\u200d", "\ufeff", "\ud83d", "\udc00", "\U0001f468", "\u2028",
       "\u2029", "\x00", "\x1b", "\x85", "\u0300" * 40, "⼀", "（", "(yī)", "![a](b)", "??", "�", "𠮷", "㈱")
TAGS = ("<script>alert(1)</script>", "<!--", "]]>", "<![CDATA[", "</p><p>", "&#x0;", "&#1114112;", "<a href='", "<td>", "\x00")


def mutated_text(text: str, rng: random.Random) -> str:
    """Some pieces of ``text`` removed, doubled, moved, or replaced by odd characters; the result may hold lone surrogates."""
    pieces = list(text)
    for _ in range(rng.randint(1, 30)):
        start = rng.randint(0, len(pieces))
        end = min(len(pieces), start + rng.randint(0, 40))
        pieces[start:end] = rng.choice((
            [], pieces[start:end] * 2, list(reversed(pieces[start:end])), list(rng.choice(ODD)),
            [rng.choice(ODD) if rng.random() < 0.3 else c for c in pieces[start:end]]))
    return "".join(pieces)


def mutated_bytes(text: str, rng: random.Random) -> bytes:
    """``text`` damaged as files are: mixed encodings, flipped, lost and foreign bytes, or no text at all."""
    kinds: Sequence[Callable[[], bytes]] = (
        lambda: rng.randbytes(rng.randint(0, 3000)),
        lambda: _encoded(mutated_text(text, rng), rng.choice(ENCODINGS)),
        lambda: b"".join(_encoded(part, rng.choice(ENCODINGS)) for part in _parts(text, rng)),
        lambda: _flipped(_encoded(text, rng.choice(ENCODINGS[:4])), rng),
        lambda: _page(mutated_text(text, rng), rng))
    return rng.choice(kinds)()


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "ignore")


def _parts(text: str, rng: random.Random) -> list[str]:
    cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(1, 5)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _flipped(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 20)):
        if damaged:
            at = rng.randrange(len(damaged))
            damaged[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(damaged)


def _page(text: str, rng: random.Random) -> bytes:
    parts = [f"<p>{part}{rng.choice(TAGS)}" for part in _parts(text, rng)]
    return _encoded(f"<html><meta charset={rng.choice(ENCODINGS)}><body>{''.join(parts)}", rng.choice(ENCODINGS[:3]))
