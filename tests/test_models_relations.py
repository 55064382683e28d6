"""The relation head: shapes, its cautious start, and its independence of company."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from data.article import Article
from data.schema import Schema
from data.tags import TokenSpan
from models import relations
from models.inputs import TextEncoder
from models.pairs import build_pairs
from models.relations import FORMS, PRIOR_LOGIT, RelationHead, _pool, _prefix_sums
from models.signing import SigningModel


@pytest.fixture
def head(hospital: Schema) -> RelationHead:
    torch.manual_seed(0)
    return RelationHead(hidden_size=16, label_count=4, relation_count=len(hospital.relations), width=8).eval()


@pytest.fixture
def encoder(tokenizer: Any, hospital: Schema) -> TextEncoder:
    return TextEncoder(tokenizer=tokenizer, schema=hospital)


def span(start: int, label: int) -> TokenSpan:
    return TokenSpan(token_start=start, token_end=start + 2, label=label)


SPANS = [span(0, 0), span(3, 1), span(5, 0)]


def test_pools_are_means_and_zero_where_empty() -> None:
    values = torch.tensor([[1.0, 1.0], [2.0, 1.0], [6.0, 1.0]])  # one value and its weight
    sums = _prefix_sums(values)
    pooled = _pool(sums, torch.tensor([0, 1, 2, 2]), torch.tensor([3, 3, 2, 1]))
    assert pooled.flatten().tolist() == [3.0, 4.0, 0.0, 0.0]


@pytest.mark.parametrize("form", FORMS)
def test_pairs_held_piece_by_piece_score_the_same(
    encoder: TextEncoder, hospital: Schema, monkeypatch: pytest.MonkeyPatch, form: str,
) -> None:
    torch.manual_seed(1)
    head = RelationHead(hidden_size=16, label_count=4, relation_count=len(hospital.relations), width=8, form=form).eval()
    torch.nn.init.normal_(head.score.weight)
    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [SPANS], hospital)
    states = torch.randn(len(article.token_ids), 16)
    with torch.inference_mode():
        whole = head(states, pairs)
        monkeypatch.setattr(relations, "PIECE_PAIRS", 2)
        assert len(pairs.head) > 2
        torch.testing.assert_close(head(states, pairs), whole)


def test_a_span_knows_the_sentence_it_begins_in(encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [[TokenSpan(token_start=0, token_end=2, label=0), TokenSpan(token_start=6, token_end=8, label=0)]],
                        hospital)
    start, end = pairs.sentence_bounds
    assert start.tolist() == [0, 6] and end.tolist() == [6, 10]


def test_shapes_and_the_cautious_start(head: RelationHead, encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [SPANS], hospital)
    logits = head(torch.randn(len(article.token_ids), 16), pairs)
    assert logits.shape == (len(pairs.head), 5)
    assert (torch.sigmoid(logits) < 0.2).all()
    assert head.score.bias.tolist() == [PRIOR_LOGIT] * 5


def test_scores_do_not_depend_on_the_articles_beside(head: RelationHead, encoder: TextEncoder, hospital: Schema) -> None:
    articles = [encoder.encode(Article(id=i, text=t)) for i, t in (("a", "甲院与张三。乙院到。"), ("b", "丙院和李四。丁院来，甲。"))]
    states = [torch.randn(len(a.token_ids), 16) for a in articles]
    together = head(torch.cat(states), build_pairs(articles, [SPANS, SPANS], hospital))
    alone = [head(s, build_pairs([a], [SPANS], hospital)) for s, a in zip(states, articles, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_a_pair_at_the_very_ends_of_the_text_is_scored(head: RelationHead, encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院乙院"))
    pairs = build_pairs([article], [[span(0, 0), span(2, 0)]], hospital)
    assert torch.isfinite(head(torch.randn(4, 16), pairs)).all()


def test_extreme_states_stay_finite(head: RelationHead, encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [SPANS], hospital)
    assert torch.isfinite(head(1e4 * torch.randn(len(article.token_ids), 16), pairs)).all()


def test_head_and_tail_are_not_exchangeable(head: RelationHead, encoder: TextEncoder, hospital: Schema) -> None:
    from dataclasses import replace

    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [SPANS], hospital)
    states = torch.randn(len(article.token_ids), 16)
    turned = replace(pairs, head=pairs.tail, tail=pairs.head)
    assert not torch.allclose(head(states, pairs), head(states, turned))


def test_every_parameter_gets_a_gradient(head: RelationHead, encoder: TextEncoder, hospital: Schema) -> None:
    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [SPANS], hospital)
    head(torch.randn(len(article.token_ids), 16), pairs).sum().backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("form", FORMS)
def test_every_form_learns_with_all_its_parameters(form: str, encoder: TextEncoder, hospital: Schema) -> None:
    torch.manual_seed(0)
    head = RelationHead(hidden_size=16, label_count=4, relation_count=len(hospital.relations), width=8, form=form)
    article = encoder.encode(Article(id="a", text="甲院与张三。乙院到。"))
    pairs = build_pairs([article], [SPANS], hospital)
    states = torch.randn(len(article.token_ids), 16)
    head(states, pairs).square().sum().backward()
    assert all(p.grad is not None for p in head.parameters())
    # What stands between the ends counts only where the form looks at it.
    moved = states.clone()
    moved[2] += 3.0
    same = torch.allclose(head.eval()(states, pairs)[0], head(moved, pairs)[0])
    assert same == (form in ("ends", "biaffine"))


def test_a_form_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of ends, biaffine, between, full"):
        RelationHead(hidden_size=16, label_count=4, relation_count=1, form="round")


def test_the_cautious_start_stands_in_models_made_from_an_encoder(make_model: Callable[..., SigningModel], hospital: Schema) -> None:
    head = make_model(hospital).relation_head
    assert head is not None and head.score.bias.tolist() == [PRIOR_LOGIT] * 5
