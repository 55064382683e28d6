"""Spans to BIO and back, and what may follow what."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schema import Schema
from data.tags import TokenSpan, begin_tag, inside_tag, legal_transitions, spans_to_tags, tags_to_spans

LABELS = 4


@st.composite
def flat_spans(draw: st.DrawFn) -> tuple[list[TokenSpan], int]:
    spans, cursor = [], 0
    for gap, length, label in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(0, LABELS - 1)), max_size=8)):
        spans.append(TokenSpan(token_start=cursor + gap, token_end=cursor + gap + length, label=label))
        cursor += gap + length
    return spans, cursor + draw(st.integers(0, 3))


@given(flat_spans())
def test_round_trip(case: tuple[list[TokenSpan], int]) -> None:
    spans, count = case
    tags = spans_to_tags(spans, count)
    assert tags.shape == (count,) and tags.dtype == np.int64
    assert tags_to_spans(tags) == spans


@given(flat_spans())
def test_what_spans_make_is_legal(hospital: Schema, case: tuple[list[TokenSpan], int]) -> None:
    legal = legal_transitions(hospital)
    tags = [0, *spans_to_tags(*case).tolist()]
    assert all(legal[a, b] for a, b in itertools.pairwise(tags))


def test_tag_numbers_follow_the_schema(hospital: Schema) -> None:
    for i, label in enumerate(hospital.labels):
        assert hospital.tags[begin_tag(i)] == f"B-{label}" and hospital.tags[inside_tag(i)] == f"I-{label}"


def test_exact_tags() -> None:
    spans = [TokenSpan(token_start=1, token_end=4, label=0), TokenSpan(token_start=4, token_end=5, label=0),
             TokenSpan(token_start=5, token_end=7, label=3)]
    assert spans_to_tags(spans, 8).tolist() == [0, 1, 2, 2, 1, 7, 8, 0]


@pytest.mark.parametrize(("tags", "spans"), [
    ([2, 2, 0], []),  # an I- without its B- opens nothing
    ([1, 4], [(0, 1, 0)]),  # the I- of another label ends the span and opens none
    ([1, 2, 0, 2], [(0, 2, 0)]),
    ([], []),
])
def test_strict_iob2(tags: list[int], spans: list[tuple[int, int, int]]) -> None:
    assert [s.key for s in tags_to_spans(tags)] == spans


def test_legal_transitions_in_full(hospital: Schema) -> None:
    legal = legal_transitions(hospital)
    for i, before in enumerate(hospital.tags):
        for j, after in enumerate(hospital.tags):
            wanted = not after.startswith("I-") or before[2:] == after[2:]
            assert legal[i, j] == wanted, (before, after)
