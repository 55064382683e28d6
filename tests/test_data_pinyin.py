"""Glosses are pinyin syllables and nothing else."""

from __future__ import annotations

import pytest

from data.pinyin import glossed_characters, is_gloss


@pytest.mark.parametrize("letters", ["yī", "zhuǎn", "lǜ", "lu\u0308\u030c", "é", "men", "de", "yi\u0304", "ɡuān"])
def test_glosses(letters: str) -> None:
    assert is_gloss(letters)


@pytest.mark.parametrize("letters", ["", "a", "ai", "he", "she", "yīí", "xyz", "ct", "zhuank", "yiyi", "ü", "vip"])
def test_no_glosses(letters: str) -> None:
    assert not is_gloss(letters)


def test_characters_by_gloss() -> None:
    assert glossed_characters("醫(yī)一（yī）聯(lián)") == {"yī": {"醫", "一"}, "lián": {"聯"}}
