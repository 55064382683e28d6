"""Spans scored as pairs of tokens: the right cells, gold in the right ones, flat output, a run folder like any other."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from transformers import AutoModelForTokenClassification

from data.article import Article
from data.errors import ModelError
from data.schema import Schema, restrict
from data.tags import TokenSpan
from models.document import Predictor
from models.inputs import TextEncoder
from models.run_folder import load_predictor, save_run
from models.signing import SigningModel
from models.span_scorer import IMPOSSIBLE, PRIOR_LOGIT, SpanScorer, greedy_spans, span_loss, span_targets


def span(start: int, end: int, label: int) -> TokenSpan:
    return TokenSpan(token_start=start, token_end=end, label=label)


@pytest.fixture
def scorer() -> SpanScorer:
    torch.manual_seed(1)
    return SpanScorer(hidden_size=6, label_count=2, max_span_tokens=3, width=4).eval()


@torch.no_grad()
def test_every_cell_is_the_biaffine_form_of_its_two_ends(scorer: SpanScorer) -> None:
    states = torch.randn(5, 6)
    logits = scorer(states, [3, 2])
    assert logits.shape == (5, 3, 3) and (logits[..., 0] == 0).all()
    starts, ends = scorer.start(states), scorer.end(states)
    matrices = scorer.product.weight.view(2, 4, 4)  # (label, end, start)
    for i in range(5):
        for d in range(3):
            if i + d < (3 if i < 3 else 5):
                product = torch.einsum("led,d,e->l", matrices, starts[i], ends[i + d])
                torch.testing.assert_close(logits[i, d, 1:], product + scorer.start_alone(starts[i]) + scorer.end_alone(ends[i + d]))
            else:
                assert (logits[i, d, 1:] == IMPOSSIBLE).all(), "out of its sentence"


def test_a_new_model_calls_every_span_improbable(make_model: Callable[..., SigningModel], hospital: Schema) -> None:
    scorer = make_model(hospital, tagger="biaffine", max_span_tokens=8).span_scorer
    assert scorer is not None and (scorer.start_alone.bias == PRIOR_LOGIT).all()
    with torch.no_grad():
        assert float(scorer(torch.randn(20, 32), [20]).softmax(dim=2)[..., 1:].sum(dim=2).mean()) < 0.02


def test_gold_lies_in_the_cell_of_its_ends() -> None:
    targets = span_targets([[span(0, 1, 1), span(2, 5, 0)], [], [span(0, 4, 1), span(1, 3, 1)]], [5, 0, 4], 3)
    assert targets.shape == (9, 3)
    assert {(i, d): int(targets[i, d]) for i, d in targets.nonzero().tolist()} == {(0, 0): 2, (2, 2): 1, (6, 1): 2}


def test_the_loss_counts_every_possible_span_once() -> None:
    logits = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(1))
    logits[1, 1:, 1:] = IMPOSSIBLE
    targets = torch.tensor([[0, 2, 0], [1, 0, 0]])
    log_p = logits.log_softmax(dim=2)
    expected = -(log_p[0, 0, 0] + log_p[0, 1, 2] + log_p[0, 2, 0] + log_p[1, 0, 1]) / 2
    torch.testing.assert_close(span_loss(logits, targets), expected)
    assert torch.isfinite(span_loss(logits, targets, label_smoothing=0.1)) and float(span_loss(logits, targets, label_smoothing=0.1)) < 20
    assert float(span_loss(logits[:0], targets[:0])) == 0.0


@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 8), st.just(3), st.just(3)), elements=st.floats(-9, 9, width=32)))
def test_output_is_flat_in_order_and_greedy(logits: np.ndarray) -> None:
    if len(logits):
        logits[-1, 1:, 1:] = logits[-2:, 2, 1:] = IMPOSSIBLE
    found = greedy_spans(logits)
    assert all(a.token_end <= b.token_start for a, b in itertools.pairwise(found))
    assert all(0 <= s.token_start < s.token_end <= len(logits) and s.token_end - s.token_start <= 3 for s in found)
    for i, d in np.argwhere(logits.argmax(axis=2) != 0).tolist():
        p = np.exp(logits[i, d]) / np.exp(logits[i, d]).sum()
        over = [s for s in found if s.token_start <= i + d and i < s.token_end]
        assert over and max(s.score for s in over) >= p.max() - 1e-5, "an entity is passed over only for a likelier one"


def test_the_likelier_of_two_that_overlap() -> None:
    logits = np.full((4, 3, 3), -9.0)
    logits[..., 0] = 0.0
    logits[0, 2, 1], logits[1, 1, 2], logits[3, 0, 2] = 2.0, 3.0, 1.0
    assert [s.key for s in greedy_spans(logits)] == [(1, 3, 1), (3, 4, 1)]


@pytest.fixture(scope="module")
def trained(make_model: Callable[..., SigningModel], hospital: Schema, tokenizer: Any, seeds: list[Article]) -> Predictor:
    """A few steps on one article: it must be able to learn it."""
    model = make_model(hospital, tagger="biaffine", max_span_tokens=16)
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)
    article = restrict(replace(seeds[1], text=seeds[1].text[:120], relations=(), events=(), clusters=(),
                               entities=tuple(e for e in seeds[1].entities if e.char_end <= 120)), hospital)
    batch = encoder.batch([encoder.encode(article)])
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        model(batch=batch, relation_weight=0.0)["loss"].backward()
        optimiser.step()
    assert all(p.grad is not None for n, p in model.named_parameters() if not n.startswith("relation_head"))
    found, = model.decode(batch, model.joint(batch).tag_logits)
    assert [s.key for s in found] == [s.key for s in batch.articles[0].spans]
    return Predictor(model=model, encoder=encoder, thresholds={}, name="spans")


def test_a_run_folder_like_any_other(trained: Predictor, tmp_path: Path, seeds: list[Article]) -> None:
    save_run(tmp_path, trained.model, trained.encoder.tokenizer, {})
    loaded = load_predictor(tmp_path)
    for name, weight in trained.model.state_dict().items():
        assert torch.equal(weight, loaded.model.state_dict()[name]), name
    article = Article(id="a", text=seeds[1].text[:200])
    before, after, nothing = next(trained.predict([article])), next(loaded.predict([article])), next(loaded.predict([Article(id="b", text="")]))
    assert before.entities and before.entities == after.entities and nothing.entities == ()
    # The stock tagger reads the same folder: its classifier was trained beside the spans.
    stock = AutoModelForTokenClassification.from_pretrained(tmp_path).eval()
    batch = trained.encoder.batch([trained.encoder.encode(Article(id="a", text=seeds[1].text[:50]))])
    with torch.no_grad():
        tags = stock(input_ids=batch.input_ids[:1], attention_mask=batch.attention_mask[:1]).logits[0].argmax(dim=1)
    assert tags.any()


def test_a_tagger_this_version_does_not_know(trained: Predictor, tmp_path: Path) -> None:
    save_run(tmp_path, trained.model, trained.encoder.tokenizer, {})
    config = tmp_path / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"biaffine"', '"triaffine"'), encoding="utf-8")
    with pytest.raises(ModelError, match="triaffine"):
        load_predictor(tmp_path)
