"""The batches of a training are a function of seed and number, and nothing else."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article
from data.schema import Schema
from models.inputs import TextEncoder
from training.stream import plan_epoch, training_stream

LENGTHS = st.lists(st.integers(0, 900), max_size=150)


@given(LENGTHS, st.integers(64, 4096), st.integers(0, 99))
def test_every_article_once_within_the_budget(lengths: list[int], budget: int, seed: int) -> None:
    batches = plan_epoch(lengths, batch_tokens=budget, seed=seed, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert batch
        assert len(batch) == 1 or sum(lengths[i] for i in batch) <= budget


@given(LENGTHS, st.integers(0, 99))
def test_a_pure_function(lengths: list[int], seed: int) -> None:
    first = plan_epoch(lengths, batch_tokens=1000, seed=seed, epoch=3)
    random.seed(1)
    assert plan_epoch(lengths, batch_tokens=1000, seed=seed, epoch=3) == first


def test_epochs_and_seeds_differ() -> None:
    lengths = [random.Random(0).randint(50, 900) for _ in range(150)]
    plans = [plan_epoch(lengths, batch_tokens=2048, seed=s, epoch=e) for s in (1, 2) for e in (0, 1)]
    assert all(a != b for i, a in enumerate(plans) for b in plans[:i])


def test_batches_hold_articles_of_like_length() -> None:
    lengths = [random.Random(0).randint(20, 900) for _ in range(64)]
    batches = plan_epoch(lengths, batch_tokens=2048, seed=1, epoch=0)
    ranges = sorted((min(lengths[i] for i in b), max(lengths[i] for i in b)) for b in batches)
    assert all(low_end <= next_start for (_, low_end), (next_start, _) in itertools.pairwise(ranges))


@pytest.fixture
def articles() -> list[Article]:
    return [Article(id=f"a{i}", text=f"甲院{i}与乙院签约。" * (i + 1)) for i in range(7)]


@pytest.fixture
def encoder(tokenizer: Any, hospital: Schema) -> TextEncoder:
    return TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16, hints=True)


def renamed(article: Article, chance: random.Random) -> Article:
    return replace(article, text=article.text.replace("甲", chance.choice("丙丁戊己庚辛壬癸")))


def rows(articles: list[Article], encoder: TextEncoder, **more: Any) -> Any:
    options = {"epochs": 3, "batch_tokens": 80, "seed": 5, "predicted_spans_from": 0.5, "augment": renamed, **more}
    return training_stream(articles, encoder, **options)


def said(row: dict[str, Any]) -> tuple[list[str], list[Any], list[Any]]:
    batch = row["batch"]
    return [a.article.text for a in batch.articles], batch.input_ids.tolist(), batch.token_types.tolist()


def test_a_row_depends_on_its_number_only(articles: list[Article], encoder: TextEncoder) -> None:
    stream = rows(articles, encoder, mask_tokens=0.2, hide_hints=0.3)
    in_order = [said(stream[i]) for i in range(len(stream))]
    again = rows(articles, encoder, mask_tokens=0.2, hide_hints=0.3)
    random.seed(99)
    backwards = [said(again[i]) for i in reversed(range(len(again)))][::-1]
    assert in_order == backwards
    assert in_order != [said(r) for r in rows(articles, encoder, mask_tokens=0.2, hide_hints=0.3, seed=6)]


def test_every_article_once_an_epoch(articles: list[Article], encoder: TextEncoder) -> None:
    stream = rows(articles, encoder)
    seen = [a.article.id for i in range(len(stream)) for a in stream[i]["batch"].articles]
    assert len(seen) == 21
    for epoch in range(3):
        assert Counter(seen[7 * epoch : 7 * epoch + 7]) == Counter(a.id for a in articles)


def test_the_token_budget_holds(articles: list[Article], encoder: TextEncoder) -> None:
    stream = rows(articles, encoder, augment=None)
    counts = [stream[i]["batch"].token_counts for i in range(len(stream))]
    assert all(len(c) == 1 or sum(c) <= 80 for c in counts) and any(len(c) > 1 for c in counts)


def test_an_article_changes_from_epoch_to_epoch(articles: list[Article], encoder: TextEncoder) -> None:
    stream = rows(articles, encoder, epochs=6)
    texts = {a.article.text for i in range(len(stream)) for a in stream[i]["batch"].articles if a.article.id == "a6"}
    assert len(texts) > 1


def test_predicted_spans_join_late_and_ever_more(articles: list[Article], encoder: TextEncoder) -> None:
    stream = rows(articles, encoder, predicted_spans_from=0.5)
    shares = [stream[i]["predicted_share"] for i in range(len(stream))]
    assert shares == sorted(shares) and min(shares) >= 0 and max(shares) < 1
    assert all((share == 0.0) == (i / len(shares) <= 0.5) for i, share in enumerate(shares))
    never = rows(articles, encoder, predicted_spans_from=1.0)
    assert {never[i]["predicted_share"] for i in range(len(never))} == {0.0}


def test_masking_hides_its_share_and_leaves_gold_alone(encoder: TextEncoder, seeds: list[Article]) -> None:
    plain, masked = (rows(seeds, encoder, epochs=1, augment=None, batch_tokens=10**6, mask_tokens=share)[0]["batch"] for share in (0.0, 0.25))
    hidden = masked.input_ids == encoder.tokenizer.mask_token_id
    share = hidden.sum().item() / (masked.attention_mask.sum().item())
    assert 0.2 < share < 0.3 and not (plain.input_ids == encoder.tokenizer.mask_token_id).any()
    assert (masked.input_ids[~hidden] == plain.input_ids[~hidden]).all()
    assert [a.spans for a in masked.articles] == [a.spans for a in plain.articles]


def test_hints_are_hidden_whole(encoder: TextEncoder, seeds: list[Article]) -> None:
    def types(share: float) -> list[list[int]]:
        batch = rows(seeds, encoder, epochs=1, augment=None, batch_tokens=10**6, hide_hints=share)[0]["batch"]
        return [a.token_types.tolist() for a in batch.articles]

    whole, some, none = types(0.0), types(0.4), types(1.0)
    assert any(any(t) for t in whole) and not any(any(t) for t in none)
    assert whole != some
    for before, after in zip(whole, some, strict=True):
        for i, (a, b) in enumerate(zip(before, after, strict=True)):
            assert b in (0, a)
            if a and a % 2 == 0:  # inside: shares the fate of the token before
                assert (b == 0) == (after[i - 1] == 0)


def test_short_sentences_fill_their_batches() -> None:
    lengths = [random.Random(1).randint(10, 50) for _ in range(5000)]
    batches = plan_epoch(lengths, batch_tokens=2048, seed=1, epoch=0)
    assert len(batches) < 1.2 * sum(lengths) / 2048
    spread = [max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches]
    assert sum(spread) / len(spread) < 8, "batches hold sentences of like length"


@pytest.mark.parametrize("room", [0, 150, 10**6])
def test_the_cache_changes_nothing(articles: list[Article], encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    def sometimes(article: Article, chance: random.Random) -> Article:
        return renamed(article, chance) if chance.random() < 0.5 else article

    def everything() -> list[Any]:
        stream = rows(articles, encoder, augment=sometimes, mask_tokens=0.2, hide_hints=0.3)
        return [said(stream[i]) for i in range(len(stream))]

    expected = everything()
    monkeypatch.setattr("training.stream.CACHED_TOKENS", room)
    assert everything() == expected


def test_unchanged_articles_are_encoded_once(articles: list[Article], encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []
    real = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda article: encoded.append(article.id) or real(article))
    stream = rows(articles, encoder, augment=None, mask_tokens=0.2)
    assert [stream[i]["batch"].articles for i in range(len(stream))]
    assert sorted(encoded) == sorted(a.id for a in articles)
