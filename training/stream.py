"""The batches of a whole training, as a pure function of seed and batch number.

Order, buckets and augmentation depend on nothing else, so that a killed run resumes with the very batches it would
have seen, and distributed ranks agree on them without talking.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from datasets import Dataset

from data.article import Article
from models.inputs import Batch, EncodedArticle, TextEncoder

Augment = Callable[[Article, random.Random], Article]
# Articles are shuffled, then sorted by length within stretches of at least this many articles and about this many
# batches, so that batches are even but vary, and the short last batch of a stretch is one of several.
BUCKET_ARTICLES, BUCKET_BATCHES = 64, 8
CACHED_TOKENS = 4_000_000  # tokens of unchanged articles kept encoded: about half a gigabyte


def plan_epoch(lengths: Sequence[int], *, batch_tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Article indices of each batch of one epoch; a batch holds at most ``batch_tokens`` tokens, or one article."""
    chance = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    chance.shuffle(order)
    stretch = max(BUCKET_ARTICLES, BUCKET_BATCHES * batch_tokens * len(lengths) // max(1, sum(lengths)))
    batches: list[list[int]] = []
    for first in range(0, len(order), stretch):
        bucket = sorted(order[first : first + stretch], key=lambda i: lengths[i])
        current: list[int] = []
        size = 0
        for i in bucket:
            if current and size + lengths[i] > batch_tokens:
                batches.append(current)
                current, size = [], 0
            current.append(i)
            size += lengths[i]
        batches.append(current)
    chance.shuffle(batches)
    return batches


def training_stream(
    articles: Sequence[Article], encoder: TextEncoder, *, epochs: int, batch_tokens: int, seed: int,
    predicted_spans_from: float, mask_tokens: float = 0.0, hide_hints: float = 0.0, augment: Augment | None = None,
) -> Dataset:
    """A ``datasets.Dataset`` with one row a batch; reading a row builds its tensors.

    Rows are ``{"batch": Batch, "predicted_share": float}``: after ``predicted_spans_from`` of the training the share
    of articles whose predicted spans join the relation candidates grows evenly to one.
    """
    cache = _Cache(articles, encoder)
    lengths = cache.lengths
    rows = [(epoch, batch) for epoch in range(epochs)
            for batch in plan_epoch(lengths, batch_tokens=batch_tokens, seed=seed, epoch=epoch)]
    plan = Dataset.from_dict({
        "epoch": [epoch for epoch, _ in rows], "articles": [batch for _, batch in rows],
        "progress": [i / len(rows) for i in range(len(rows))],
    })

    def build(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
        batches: list[Batch] = []
        shares: list[float] = []
        for epoch, indices, progress in zip(columns["epoch"], columns["articles"], columns["progress"], strict=True):
            chosen = []
            for i in indices:
                chance = random.Random(f"{seed}/{epoch}/{articles[i].id}")
                changed = augment(articles[i], chance) if augment else articles[i]
                encoded = cache.get(i) if changed is articles[i] else encoder.encode(changed)
                dice = np.random.default_rng(chance.getrandbits(63))
                encoded = _masked(encoded, mask_tokens, encoder.tokenizer.mask_token_id, dice)
                chosen.append(_without_some_hints(encoded, hide_hints, dice))
            batches.append(encoder.batch(chosen))
            remaining = max(1.0 - predicted_spans_from, 1e-9)
            shares.append(max(0.0, (progress - predicted_spans_from) / remaining))
        return {"batch": batches, "predicted_share": shares}

    return plan.with_transform(build)


class _Cache:
    """The articles as they are, encoded once, as far as memory allows: short ones cost more to encode than to train on."""

    def __init__(self, articles: Sequence[Article], encoder: TextEncoder) -> None:
        self._articles, self._encoder = articles, encoder
        self._encoded: dict[int, EncodedArticle] = {}
        self.lengths: list[int] = []
        room = CACHED_TOKENS
        for i, article in enumerate(articles):
            encoded = encoder.encode(article)
            self.lengths.append(len(encoded.token_ids))
            room -= self.lengths[-1]
            if room >= 0:
                self._encoded[i] = encoded

    def get(self, i: int) -> EncodedArticle:
        """Article ``i`` unchanged."""
        return self._encoded.get(i) or self._encoder.encode(self._articles[i])


def _masked(article: EncodedArticle, share: float, mask_id: int, dice: np.random.Generator) -> EncodedArticle:
    """The article with a share of its tokens hidden: a name must then be read off its surroundings."""
    hidden = dice.random(len(article.token_ids)) < share
    return replace(article, token_ids=np.where(hidden, mask_id, article.token_ids))


def _without_some_hints(article: EncodedArticle, share: float, dice: np.random.Generator) -> EncodedArticle:
    """The article with no hint at all (a share of the articles) or with a share of its hints gone: the tagger must
    neither need them nor take them for gold."""
    types = article.token_types
    if dice.random() < share:
        return replace(article, token_types=np.zeros_like(types))
    hint_of_token = np.cumsum(types % 2 == 1)  # every hint begins with an odd type
    gone = dice.random(int(hint_of_token[-1]) + 1 if len(types) else 0) < share
    return replace(article, token_types=np.where(gone[hint_of_token], 0, types)) if len(types) else article
