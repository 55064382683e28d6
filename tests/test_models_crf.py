"""The CRF's probabilities are those of all legal sequences and no others; a run with it stays a stock tagger."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification, BertForTokenClassification

from data.article import Article
from data.errors import ModelError
from data.schema import Schema, restrict, schema_from_dict
from data.tags import legal_transitions
from models.crf import LinearChainCrf
from models.document import Predictor
from models.inputs import TextEncoder, sentence_lengths
from models.run_folder import load_predictor, save_run
from models.signing import SigningModel

SMALL = schema_from_dict({"labels": ["A", "B"]})
LEGAL = legal_transitions(SMALL)


def drawn_crf(seed: int) -> LinearChainCrf:
    crf = LinearChainCrf(SMALL)
    with torch.no_grad():
        crf.transitions.normal_(0.0, 2.0, generator=torch.Generator().manual_seed(seed))
    return crf


def all_scores(crf: LinearChainCrf, logits: torch.Tensor) -> dict[tuple[int, ...], float]:
    """The score of every legal sequence of one sentence, added up by hand."""
    return {tags: sum(float(row[t]) for row, t in zip(logits, tags, strict=True))
            + sum(float(crf.transitions[a, b].detach()) for a, b in itertools.pairwise((0, *tags)))
            for tags in itertools.product(range(5), repeat=len(logits))
            if all(LEGAL[a, b] for a, b in itertools.pairwise((0, *tags)))}


@pytest.mark.parametrize("lengths", [[1], [4], [3, 1, 4], [2, 0, 5]])
def test_the_partition_equals_the_sum_over_all_legal_sequences(lengths: list[int]) -> None:
    crf = drawn_crf(3)
    logits = torch.randn(sum(lengths), 5, generator=torch.Generator().manual_seed(7)) * 3
    found = crf.log_partition(logits, lengths)
    for part, value in zip(logits.split(lengths), found.tolist(), strict=True):
        scores = list(all_scores(crf, part).values())
        assert value == pytest.approx(np.logaddexp.reduce(scores) if len(part) else 0.0, abs=1e-4)


def test_the_loss_is_the_likelihood_of_the_gold_sequences() -> None:
    crf, lengths = drawn_crf(4), [4, 3]
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(8))
    gold = [(1, 2, 0, 3), (0, 1, 1)]
    expected = 0.0
    for part, tags in zip(logits.split(lengths), gold, strict=True):
        scores = all_scores(crf, part)
        expected += float(np.logaddexp.reduce(list(scores.values()))) - scores[tags]
    assert crf(logits, torch.tensor([*gold[0], *gold[1]]), lengths).item() == pytest.approx(expected / 7, abs=1e-5)


def test_gold_that_no_legal_sequence_expresses_is_left_out() -> None:
    crf = drawn_crf(4)
    logits = torch.randn(5, 5, generator=torch.Generator().manual_seed(8))
    # The second sentence begins inside a span.
    both = crf(logits, torch.tensor([0, 1, 2, 2, 0]), [3, 2])
    assert both.item() * 5 == pytest.approx(crf(logits[:3], torch.tensor([0, 1, 2]), [3]).item() * 3, abs=1e-4) and both.item() < 100


def test_without_transitions_and_limits_it_is_cross_entropy() -> None:
    crf = LinearChainCrf(SMALL)
    crf._legal = np.ones_like(LEGAL)
    logits, targets = torch.randn(6, 5), torch.tensor([0, 1, 2, 4, 0, 3])
    torch.testing.assert_close(crf(logits, targets, [4, 2]).detach(), torch.nn.functional.cross_entropy(logits, targets))


def test_long_sentences_keep_finite_gradients() -> None:
    crf = drawn_crf(1)
    logits = (torch.randn(400, 5) * 30).requires_grad_()
    crf(logits, torch.zeros(400, dtype=torch.long), [400]).backward()
    assert crf.transitions.grad is not None and logits.grad is not None
    assert torch.isfinite(logits.grad).all() and torch.isfinite(crf.transitions.grad).all()
    assert (crf.transitions.grad[~torch.from_numpy(LEGAL)] == 0).all()
    assert crf(logits[:0], torch.zeros(0, dtype=torch.long), []).item() == 0.0


def test_sentences_of_a_batch(tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)
    encoded = [encoder.encode(Article(id=str(i), text=t)) for i, t in enumerate(("甲院签约。乙院也来了。", "", "丙院。"))]
    assert sentence_lengths(encoded) == [5, 6, 3]
    assert sentence_lengths(encoded[1:2]) == sentence_lengths([]) == []


@pytest.fixture
def trained(make_model: Callable[..., SigningModel], hospital: Schema, tokenizer: Any, seeds: list[Article]) -> Predictor:
    """A few steps with a CRF on one article: it must be able to learn it."""
    model = make_model(hospital, tagger="crf")
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)
    article = restrict(replace(seeds[1], text=seeds[1].text[:120], relations=(), events=(), clusters=(),
                               entities=tuple(e for e in seeds[1].entities if e.char_end <= 120)), hospital)
    batch = encoder.batch([encoder.encode(article)])
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimiser.zero_grad()
        model(batch=batch, relation_weight=0.0)["loss"].backward()
        optimiser.step()
    found, = model.decode(batch, model.joint(batch).tag_logits)
    assert [s.key for s in found] == [s.key for s in batch.articles[0].spans] and all(0.5 < s.score <= 1 for s in found)
    return Predictor(model=model, encoder=encoder, thresholds={}, name="crf")


def test_it_is_saved_with_its_transitions_and_loads_as_a_stock_tagger(trained: Predictor, tmp_path: Path, seeds: list[Article]) -> None:
    assert trained.model.crf is not None and trained.model.crf.transitions.abs().max() > 0.01
    save_run(tmp_path, trained.model, trained.encoder.tokenizer, {})
    loaded = load_predictor(tmp_path)
    assert loaded.model.crf is not None and torch.equal(loaded.model.crf.transitions, trained.model.crf.transitions)
    article = Article(id="a", text=seeds[1].text[:200])
    before, after = next(trained.predict([article])), next(loaded.predict([article]))
    assert before.entities
    keys = [[(e.char_start, e.char_end, e.label) for e in a.entities] for a in (before, after)]
    assert keys[0] == keys[1]
    # The loaded run computes in bf16 where the CPU does.
    assert [e.score for e in after.entities] == pytest.approx([e.score for e in before.entities], abs=0.02)
    stock = AutoModelForTokenClassification.from_pretrained(tmp_path)
    assert type(stock) is BertForTokenClassification and torch.equal(stock.classifier.weight, trained.model.classifier.weight)


def test_a_tagger_this_version_does_not_know(trained: Predictor, tmp_path: Path) -> None:
    save_run(tmp_path, trained.model, trained.encoder.tokenizer, {})
    config = tmp_path / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"tagger": "crf"', '"tagger": "hmm"'), encoding="utf-8")
    with pytest.raises(ModelError, match="hmm"):
        load_predictor(tmp_path)
