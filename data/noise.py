"""Noise of copied pages, character by character: traditional forms and glosses, lost and half-width marks, spacing."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import opencc

from data.article import Article
from data.edits import Edit, apply_edits, outside, rebuilt

_HALF_WIDTH = str.maketrans("，：；（）！？", ",:;()!?")
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F) if chr(code).isalnum()}
_LONG_PARAGRAPH_CHARS = 120
_Noise = Callable[[Article, random.Random], list[Edit]]


def add_noise(article: Article, rng: random.Random) -> Article:
    """One or two kinds of damage to the characters: half-width marks, lost characters and commas, picture marks."""
    return _some_of((_half_width, _lost_characters, _missing_commas, _pictures), article, rng)


def change_spacing(article: Article, rng: random.Random) -> Article:
    """One or two changes of spacing and casing: spaces in names and anywhere, broken lines, full-width or lower-case Latin."""
    return _some_of((_spaced_names, _stray_spaces, _broken_lines, _other_case), article, rng)


def _some_of(kinds: Sequence[_Noise], article: Article, rng: random.Random) -> Article:
    for kind in rng.sample(kinds, rng.randint(1, 2)):
        article = apply_edits(article, kind(article, rng))
    return article


def _other_case(article: Article, rng: random.Random) -> list[Edit]:
    """Latin letters and digits full width, or the letters outside names in another case."""
    free = outside(article)
    change: Callable[[str], str] = rng.choice((str.lower, str.upper, lambda c: c.translate(_FULL_WIDTH)))
    return [Edit(char_start=i, char_end=i + 1, new=change(c)) for i, c in enumerate(article.text)
            if c.isascii() and c.isalnum() and change(c) != c and (free[i] or ord(change(c)) > 0x7F)]


def _half_width(article: Article, rng: random.Random) -> list[Edit]:
    share = rng.choice((0.2, 1.0, 1.0))
    return [Edit(char_start=i, char_end=i + 1, new=c.translate(_HALF_WIDTH)) for i, c in enumerate(article.text)
            if c in "，：；（）！？" and rng.random() < share]


def _spaced_names(article: Article, rng: random.Random) -> list[Edit]:
    space = rng.choice((" ", "  ", "\u3000"))
    return [Edit(char_start=e.char_start + 1, char_end=e.char_start + 1, new=space) for e in article.entities
            if e.label == "PERSON" and len(e.text) == 2]


def _stray_spaces(article: Article, rng: random.Random) -> list[Edit]:
    spots = rng.sample(range(1, len(article.text)), min(len(article.text) - 1, rng.randint(2, 12)))
    inside = {i for e in article.entities for i in range(e.char_start + 1, e.char_end)}
    # A space inside 2024 or a Latin word is another word; inside Chinese it is noise.
    return [Edit(char_start=i, char_end=i, new=" ") for i in spots
            if i not in inside and not article.text[i - 1:i + 1].isascii()]


def _broken_lines(article: Article, rng: random.Random) -> list[Edit]:
    free = outside(article)
    return [Edit(char_start=m.end(), char_end=m.end(), new="\n") for line in re.finditer("[^\n]+", article.text)
            if len(line[0]) > _LONG_PARAGRAPH_CHARS for m in re.finditer("。(?=[^”’）)\n])", article.text)
            if line.start() < m.end() < line.end() and free[m.start()] and rng.random() < 0.4]


def _pictures(article: Article, rng: random.Random) -> list[Edit]:
    spots = [m.start() for m in re.finditer("\n", article.text)]
    mark = rng.choice(("图片", "图片", "[图片]", "图 片", "（图）"))
    return [Edit(char_start=i, char_end=i, new=f"\n{mark}") for i in rng.sample(spots, min(len(spots), 2))]


def _lost_characters(article: Article, rng: random.Random) -> list[Edit]:
    mark, free = rng.choice(("?", "？", "□", "�")), outside(article)
    spots = rng.sample(range(len(article.text)), min(len(article.text), rng.randint(1, 4)))
    return [Edit(char_start=i, char_end=i + 1, new=mark) for i in spots
            if free[i] and "\u4e00" <= article.text[i] <= "\u9fff"]


def _missing_commas(article: Article, rng: random.Random) -> list[Edit]:
    free = outside(article)
    # Between two mentions the comma parts them; elsewhere a reader does not miss it.
    return [Edit(char_start=i, char_end=i + 1, new="") for i, c in enumerate(article.text)
            if c in "，," and free[i] and 0 < i < len(free) - 1 and free[i - 1] and free[i + 1] and rng.random() < 0.2]


def traditional(article: Article, rng: random.Random, *, glosses: Mapping[str, str]) -> Article:
    """The article in traditional characters, half of the time with glosses; unchanged where lengths would change."""
    text = _converter().convert(article.text)
    if len(text) != len(article.text):
        return article
    article = rebuilt(article, text, [replace(e, text=text[e.char_start:e.char_end]) for e in article.entities])
    if not glosses or rng.random() < 0.5:
        return article
    return apply_edits(article, [Edit(char_start=i, char_end=i, new=f"({glosses[c]})")
                                 for i, c in enumerate(text, start=1) if c in glosses])


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("s2t")
