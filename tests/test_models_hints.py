"""Hints of the rules as token types: exact, and none where nothing is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.article import Article
from data.schema import Schema
from models.decoding import decode_spans
from models.hints import HINT_LABELS, PART_CHARS, TOKEN_TYPES, _parts, continuation_bonus, hint_types
from models.inputs import TextEncoder


def test_types_of_a_sentence(tokenizer: Any, hospital: Schema) -> None:
    text = "11月8日,威海市中心医院院长张晓明到。"
    encoded = TextEncoder(tokenizer=tokenizer, schema=hospital, hints=True).encode(Article(id="a", text=text))
    assert encoded.clean.text == text and len(encoded.token_ids) == len(text)
    wanted = [0] * len(text)
    for surface, label in (("11月8日", "DATE"), ("威海市中心医院", "HOSPITAL"), ("院长", "ROLE"), ("张晓明", "PERSON")):
        start, number = text.index(surface), HINT_LABELS.index(label)
        if surface == "院长":
            start = text.index("院院长") + 1
        wanted[start : start + len(surface)] = [1 + 2 * number, *[2 + 2 * number] * (len(surface) - 1)]
    assert encoded.token_types.tolist() == wanted
    assert max(wanted) < TOKEN_TYPES == 11


def test_without_hints_every_type_is_0(tokenizer: Any, hospital: Schema, seeds: list[Article]) -> None:
    assert not TextEncoder(tokenizer=tokenizer, schema=hospital).encode(seeds[0]).token_types.any()


def test_a_token_of_several_characters_takes_the_hint_it_touches() -> None:
    import numpy as np

    text = "2024年来"
    assert hint_types(text, np.array([0, 4, 5]), np.array([4, 5, 6])).tolist() == [7, 8, 0]


def test_parts_cover_long_text_once_and_break_at_sentences() -> None:
    text = ("句" * 99 + "。") * 100
    parts = list(_parts(text))
    assert "".join(text[s:e] for s, e in parts) == text
    assert all(e - s <= PART_CHARS and text[e - 1] == "。" for s, e in parts)
    line = "长" * (2 * PART_CHARS + 1)
    assert [e - s for s, e in _parts(line)] == [PART_CHARS, PART_CHARS, 1]
    assert list(_parts("")) == []


def test_a_name_that_begins_with_a_hint_goes_on_with_it(hospital: Schema) -> None:
    tags = hospital.tags
    begin, inside = tags.index("B-HOSPITAL"), tags.index("I-HOSPITAL")
    probabilities = np.full((4, len(tags)), 0.001)
    probabilities[0, begin] = probabilities[1, inside] = 0.99
    probabilities[2:, 0], probabilities[2:, inside] = 0.6, 0.39  # 首钢|医院: the tagger would stop half-way
    types = np.array([1, 2, 2, 2])  # the rules see one hospital
    bonus = continuation_bonus(types, tags)
    assert [s.token_end for s in decode_spans(np.log(probabilities), hospital, np.zeros(4))] == [2]
    [whole] = decode_spans(np.log(probabilities), hospital, np.zeros(4), None, bonus)
    assert whole.token_end == 4
    total = probabilities.sum(axis=1)
    assert whole.score == pytest.approx(np.mean([0.99, 0.99, 0.39, 0.39] / total)), "the bonus is no part of the score"


def test_no_hint_makes_a_mention_by_itself(hospital: Schema) -> None:
    probabilities = np.full((3, len(hospital.tags)), 0.001)
    probabilities[:, 0] = 0.95
    bonus = continuation_bonus(np.array([1, 2, 2]), hospital.tags)
    assert bonus.any() and decode_spans(np.log(probabilities), hospital, np.zeros(3), None, bonus) == []
    assert not continuation_bonus(np.zeros(3, dtype=int), hospital.tags).any()
    assert not continuation_bonus(np.array([1, 2, 2]), ("O", "B-book", "I-book")).any()
