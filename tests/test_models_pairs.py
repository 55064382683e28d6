"""Candidate pairs are what the schema admits, over the whole article; targets are exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from data.article import Article
from data.schema import Schema, restrict, schema_from_dict
from data.tags import TokenSpan
from models.inputs import EncodedArticle, TextEncoder
from models.pairs import FEATURE_SIZES, MAX_PAIR_TOKENS, PairBatch, build_pairs, pair_targets

H, P, R, D = range(4)


@pytest.fixture
def encoder(tokenizer: Any, hospital: Schema) -> TextEncoder:
    return TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)


def span(start: int, label: int, length: int = 2) -> TokenSpan:
    return TokenSpan(token_start=start, token_end=start + length, label=label)


def listed(pairs: PairBatch, schema: Schema) -> set[tuple[int, int, str]]:
    return {(int(pairs.head[row]), int(pairs.tail[row]), schema.relations[kind].name)
            for row, kind in torch.nonzero(pairs.allowed).tolist()}


def test_admissible_pairs_exactly(encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院乙院张三院长六月"))
    spans = [span(0, H), span(2, H), span(4, P), span(6, R), span(8, D)]
    pairs = build_pairs([article], [spans], hospital)
    assert listed(pairs, hospital) == {
        (0, 1, "SIGNED_WITH"), (0, 4, "SIGNED_ON"), (1, 4, "SIGNED_ON"),
        (2, 0, "SIGNED_FOR"), (2, 0, "WORKS_AT"), (2, 1, "SIGNED_FOR"), (2, 1, "WORKS_AT"), (2, 3, "HOLDS_ROLE")}
    rows = list(zip(pairs.head.tolist(), pairs.tail.tolist(), strict=True))
    assert len(set(rows)) == len(rows) == 6 and pairs.pair_counts == [6]
    assert pairs.span_start.tolist() == [0, 2, 4, 6, 8] and pairs.span_last.tolist() == [1, 3, 5, 7, 9]
    assert pairs.allowed.any(dim=1).all()


def test_a_symmetric_pair_stands_once_head_first(encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院乙院丙院"))
    pairs = build_pairs([article], [[span(0, H), span(2, H), span(4, H)]], hospital)
    assert list(zip(pairs.head.tolist(), pairs.tail.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]


def test_a_directed_relation_of_equal_labels_is_scored_both_ways(encoder: TextEncoder) -> None:
    schema = schema_from_dict({"labels": ["H"], "relations": {
        "OWNS": {"head": ["H"], "tail": ["H"]}, "WITH": {"head": ["H"], "tail": ["H"], "symmetric": True}}})
    article = encoder.encode(Article(id="a", text="甲院乙院"))
    assert listed(build_pairs([article], [[span(0, 0), span(2, 0)]], schema), schema) == {
        (0, 1, "OWNS"), (1, 0, "OWNS"), (0, 1, "WITH")}


def test_no_span_no_pair_no_relation_type(encoder: TextEncoder, hospital: Schema) -> None:
    article, empty = encoder.encode(Article(id="a", text="甲院乙院")), encoder.encode(Article(id="b", text=""))
    pairs = build_pairs([article, empty], [[], []], hospital)
    assert pairs.pair_counts == [0, 0] and pairs.features.shape == (0, len(FEATURE_SIZES))
    assert pairs.allowed.shape == (0, len(hospital.relations))
    tagger_only = schema_from_dict({"labels": ["H"]})
    assert build_pairs([article], [[span(0, 0), span(2, 0)]], tagger_only).pair_counts == [0]


def test_indices_count_over_the_batch(encoder: TextEncoder, hospital: Schema) -> None:
    first, second = (encoder.encode(Article(id=i, text="甲院。乙院。")) for i in "ab")
    spans = [span(0, H), span(3, H)]
    pairs = build_pairs([first, second], [spans, spans], hospital)
    assert pairs.pair_counts == [1, 1]
    assert pairs.head.tolist() == [0, 2] and pairs.tail.tolist() == [1, 3]
    assert pairs.span_start.tolist() == [0, 3, 6, 9]
    assert pairs.sentence_of_token.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3


def test_parties_600_characters_apart_are_candidates(encoder: TextEncoder, hospital: Schema, marked) -> None:
    article = marked("{H1:甲市医院}" + "与会者参观。" * 100 + "{H2:乙县医院}\n> H1 + H2",
                     "@event 甲市医院 + 乙县医院 | kind other | status signed")
    encoded = encoder.encode(article)
    first, second = encoded.spans
    assert second.token_start - first.token_end == 600
    assert encoded.window_of_token[first.token_start] != encoded.window_of_token[second.token_start]
    pairs = build_pairs([encoded], [encoded.spans], hospital)
    assert listed(pairs, hospital) == {(0, 1, "SIGNED_WITH")}
    assert pair_targets([encoded], [encoded.spans], pairs, hospital).tolist() == [[1, 0, 0, 0, 0]]


def test_the_reach_of_a_pair(encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="医" * (MAX_PAIR_TOKENS + 10)))
    near = build_pairs([article], [[span(0, H), span(MAX_PAIR_TOKENS, H)]], hospital)
    far = build_pairs([article], [[span(0, H), span(MAX_PAIR_TOKENS + 1, H)]], hospital)
    assert near.pair_counts == [1] and far.pair_counts == [0]


def test_every_gold_relation_of_the_seeds_is_a_candidate_and_a_target(
    encoder: TextEncoder, seeds: list[Article], hospital: Schema
) -> None:
    articles = [encoder.encode(restrict(a, hospital)) for a in seeds]
    spans = [a.spans for a in articles]
    pairs = build_pairs(articles, spans, hospital)
    targets = pair_targets(articles, spans, pairs, hospital)
    assert int(targets.sum()) == sum(len(a.pairs) for a in articles) > 100
    assert not (targets.bool() & ~pairs.allowed).any()
    base = row = 0
    for article, count in zip(articles, pairs.pair_counts, strict=True):
        wanted = {(p.head + base, p.tail + base, p.type) for p in article.pairs}
        found = {(int(pairs.head[row + r]), int(pairs.tail[row + r]), k)
                 for r, k in torch.nonzero(targets[row : row + count]).tolist()}
        assert found == wanted
        base, row = base + len(article.spans), row + count


def gold_of(encoder: TextEncoder, marked: Any) -> EncodedArticle:
    return encoder.encode(marked("{P1:张三}{R1:院长}来到{H1:甲院}\n> P1 = R1; P1 @ H1"))


def test_targets_of_found_spans(encoder: TextEncoder, hospital: Schema, marked) -> None:
    article = gold_of(encoder, marked)
    person, role, place = article.spans
    wrong = span(person.token_end + 2, P)
    found = [person, role, wrong, place]
    pairs = build_pairs([article], [found], hospital)
    targets = pair_targets([article], [found], pairs, hospital)
    true = {(int(pairs.head[r]), int(pairs.tail[r]), hospital.relations[k].name) for r, k in torch.nonzero(targets).tolist()}
    assert true == {(0, 1, "HOLDS_ROLE"), (0, 3, "WORKS_AT")}


@pytest.mark.parametrize("change", [{"token_end": 1}, {"label": D}])
def test_a_span_that_is_wrong_has_no_relation(encoder: TextEncoder, hospital: Schema, marked, change: dict) -> None:
    article = gold_of(encoder, marked)
    found = [replace(article.spans[0], **change), *article.spans[1:]]
    pairs = build_pairs([article], [found], hospital)
    assert pair_targets([article], [found], pairs, hospital).sum() == 0


def test_a_symmetric_gold_pair_stored_tail_first_is_the_same_target(encoder: TextEncoder, hospital: Schema, marked) -> None:
    article = encoder.encode(marked("{H1:甲院}与{H2:乙院}\n> H1 + H2", "@event 甲院 + 乙院 | kind other | status signed"))
    turned = replace(article, pairs=(replace(article.pairs[0], head=1, tail=0),))
    pairs = build_pairs([article], [article.spans], hospital)
    assert torch.equal(pair_targets([article], [article.spans], pairs, hospital),
                       pair_targets([turned], [article.spans], pairs, hospital))


def test_features_are_exact(encoder: TextEncoder, hospital: Schema) -> None:
    #                                          0  2    5   8   11
    article = encoder.encode(Article(id="a", text="张三李四。甲院。\n乙院主任"))
    assert article.sentence_of_token.tolist() == [0] * 5 + [1] * 3 + [2] * 4
    spans = [span(0, P), span(2, P), span(5, H), span(8, H), span(10, R)]
    pairs = build_pairs([article], [spans], hospital)
    rows = {(h, t): f for h, t, f in zip(pairs.head.tolist(), pairs.tail.tolist(), pairs.features.tolist(), strict=True)}
    # signed distance (12 + where the head stands first), sentences, lines, same head label, same tail label, any between
    assert rows[0, 2] == [12 + 2, 1, 0, 1, 0, 1]  # three tokens apart: ceil(log2(4)) = 2; 李四 stands between
    assert rows[1, 2] == [12 + 1, 1, 0, 0, 0, 0]
    assert rows[0, 3] == [12 + 3, 2, 1, 1, 1, 2]
    assert rows[2, 3] == [12 + 1, 1, 1, 0, 0, 0]
    assert rows[1, 4] == [12 + 3, 2, 1, 0, 0, 2]
    assert all(0 <= value < size for f in rows.values() for value, size in zip(f, FEATURE_SIZES, strict=True))


def test_features_stay_in_their_tables_at_any_distance(encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="医院。\n" * 400))
    spans = [span(i, label) for i, label in zip(range(0, 1190, 10), [H, P, R, D] * 40, strict=False)]
    features = build_pairs([article], [spans], hospital).features
    assert (features >= 0).all() and (features < torch.tensor(FEATURE_SIZES)).all()
