"""The joint model is a stock tagger with a relation head; saving and loading change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, BertForTokenClassification, pipeline

from data.article import Article, article_to_dict
from data.schema import Schema, restrict, schema_from_dict
from models.document import Predictor
from models.inputs import TextEncoder
from models.run_folder import load_predictor
from models.signing import SigningModel

SENTENCE = "11月8日，甲市中心医院与乙县人民医院签署协议，院长张三出席。"


@pytest.fixture
def encoder(tokenizer: Any, hospital: Schema) -> TextEncoder:
    return TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)


def test_stock_auto_class_gives_the_same_logits(run_folder: Path, predictor: Predictor) -> None:
    stock = AutoModelForTokenClassification.from_pretrained(run_folder).eval()
    assert type(stock) is BertForTokenClassification
    assert tuple(stock.config.id2label[i] for i in range(9)) == predictor.encoder.schema.tags
    encoded = predictor.encoder.encode(Article(id="a", text=SENTENCE))
    assert len(encoded.windows) == 1
    assert encoded.token_types.any()
    batch = predictor.encoder.batch([encoded])
    with torch.no_grad():
        ours = predictor.model.joint(batch).tag_logits
        unhinted = predictor.model.joint(replace(batch, token_types=torch.zeros_like(batch.token_types))).tag_logits
        inputs = AutoTokenizer.from_pretrained(run_folder)(encoded.clean.text, return_tensors="pt")
        # A stock tokenizer knows no hints: all its token types are 0. Given ours, the stock model follows.
        theirs = stock(**inputs).logits[0, 1:-1]
        length = inputs["input_ids"].shape[1]
        hinted = stock(**{**inputs, "token_type_ids": batch.token_types[:, :length]}).logits[0, 1:-1]
    assert torch.equal(batch.input_ids[:, :length], inputs["input_ids"]) and batch.attention_mask.sum() == length
    torch.testing.assert_close(unhinted, theirs, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours, hinted, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(ours, unhinted)


def test_the_stock_pipeline_tags_with_it(run_folder: Path, predictor: Predictor) -> None:
    tagger = pipeline("token-classification", model=str(run_folder), tokenizer=str(run_folder), device="cpu", ignore_labels=[])
    encoded = predictor.encoder.encode(Article(id="a", text=SENTENCE))
    found = tagger(encoded.clean.text)
    batch = predictor.encoder.batch([encoded])
    with torch.no_grad():
        ours = predictor.model.joint(replace(batch, token_types=torch.zeros_like(batch.token_types))).tag_logits.softmax(dim=1)
    assert [(f["start"], f["end"]) for f in found] == list(
        zip(encoded.token_char_start.tolist(), encoded.token_char_end.tolist(), strict=True))
    assert [f["entity"] for f in found] == [predictor.encoder.schema.tags[i] for i in ours.argmax(dim=1)]
    assert [f["score"] for f in found] == pytest.approx(ours.max(dim=1).values.tolist(), abs=1e-5)


def test_save_and_load_give_identical_predictions(run_folder: Path, predictor: Predictor, seeds: list[Article]) -> None:
    loaded = replace(load_predictor(run_folder), engine=None)  # the weights themselves, in float32
    assert loaded.thresholds == predictor.thresholds and loaded.encoder.schema == predictor.encoder.schema
    assert (loaded.encoder.max_tokens, loaded.encoder.overlap_tokens) == (64, 16)
    # Untrained heads join almost everything with everything: a few hundred characters are plenty.
    articles = [Article(id=a.id, text=a.text[:250], published=a.published) for a in seeds]
    before = [article_to_dict(a) for a in predictor.predict(articles)]
    after = [article_to_dict(a) for a in loaded.predict(articles)]
    for record in (*before, *after):
        assert record.pop("model") == "untrained"
    assert before == after
    assert all(record["entities"] and record["relations"] and record["events"] for record in before)


def test_loaded_weights_are_the_saved_ones(run_folder: Path, predictor: Predictor) -> None:
    loaded, report = SigningModel.from_pretrained(run_folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    for name, value in predictor.model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_the_config_holds_the_schema_in_its_order(run_folder: Path, hospital: Schema) -> None:
    settings = json.loads((run_folder / "config.json").read_text(encoding="utf-8"))["qianyue"]
    assert [r["name"] for r in settings["schema"]["relations"]] == [r.name for r in hospital.relations]
    assert schema_from_dict(settings["schema"]) == hospital


def test_every_parameter_has_changed_after_one_step(make_model: Callable[..., SigningModel], encoder: TextEncoder,
                                                    seeds: list[Article], hospital: Schema) -> None:
    model = make_model(hospital).train()
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    batch = encoder.batch([encoder.encode(restrict(a, hospital)) for a in seeds])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    loss = model(batch=batch, predicted_share=0.0, relation_weight=1.0)["loss"]
    loss.backward()
    optimiser.step()
    still = [n for n, p in model.named_parameters() if torch.equal(before[n], p)]
    assert still == []


def test_widening_the_token_types_keeps_what_type_0_says(make_model: Callable[..., SigningModel], encoder: TextEncoder,
                                                         seeds: list[Article], hospital: Schema) -> None:
    plain, wide = make_model(hospital), make_model(hospital)
    wide.widen_token_types(11)
    types = wide.bert.embeddings.token_type_embeddings.weight
    assert wide.config.type_vocab_size == len(types) == 11
    assert torch.equal(types[0], plain.bert.embeddings.token_type_embeddings.weight[0])
    assert len({tuple(row.tolist()) for row in types}) == 11
    batch = encoder.batch([encoder.encode(seeds[0])])
    with torch.no_grad():
        assert torch.equal(plain.joint(batch).tag_logits, wide.joint(batch).tag_logits)
    wide.widen_token_types(5)
    assert wide.bert.embeddings.token_type_embeddings.weight is types


def test_training_lowers_the_loss(make_model: Callable[..., SigningModel], encoder: TextEncoder, marked, hospital: Schema) -> None:
    article = marked("{D1:6月1日}{H1:甲院}与{H2:乙院}签约，{R1:院长}{P1:张三}签字。\n> H1 + H2; H1 H2 on D1; P1 for H1; P1 = R1; P1 @ H1",
                     "@event 甲院 + 乙院 | kind other | status signed")
    model = make_model(hospital)
    batch = encoder.batch([encoder.encode(article)])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        output = model(batch=batch)
        output["loss"].backward()
        optimiser.step()
        losses.append((float(output["tag_loss"]), float(output["relation_loss"])))
    assert losses[-1][0] < 0.2 * losses[0][0] and losses[-1][1] < 0.5 * losses[0][1]


def test_the_joint_loss_is_the_weighted_sum(make_model: Callable[..., SigningModel], encoder: TextEncoder,
                                            seeds: list[Article], hospital: Schema) -> None:
    model = make_model(hospital)
    batch = encoder.batch([encoder.encode(seeds[0])])
    output = model.joint(batch, with_loss=True, relation_weight=0.25)
    assert float(output.loss.detach()) == pytest.approx(float(output.tag_loss) + 0.25 * float(output.relation_loss), rel=1e-5)
    assert model.joint(batch).loss is None


@pytest.mark.parametrize("text", ["今日无事。", ""])
def test_forward_without_pairs_works(make_model: Callable[..., SigningModel], encoder: TextEncoder, hospital: Schema, text: str) -> None:
    model = make_model(hospital).train()
    loss = model(batch=encoder.batch([encoder.encode(Article(id="a", text=text))]), predicted_share=1.0)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    # Distributed training waits for a gradient of every parameter of the relation head.
    assert [n for n, p in model.named_parameters() if n.startswith("relation_head.") and p.grad is None] == []


def test_a_schema_without_relations_trains_the_tagger_alone(make_model: Callable[..., SigningModel], tokenizer: Any, tmp_path: Path) -> None:
    schema = schema_from_dict({"name": "clue", "labels": ["name", "company"]})
    model = make_model(schema)
    assert model.relation_head is None and not [n for n in model.state_dict() if n.startswith("relation")]
    encoder = TextEncoder(tokenizer=tokenizer, schema=schema)
    batch = encoder.batch([encoder.encode(Article(id="a", text="张三在甲公司"))])
    model(batch=batch)["loss"].backward()
    assert float(model(batch=batch)["relation_loss"]) == 0.0
    model.save_pretrained(tmp_path)
    assert SigningModel.from_pretrained(tmp_path).schema == schema
    predicted, = Predictor(model=model, encoder=encoder, thresholds={}, name="t").predict([Article(id="a", text="张三在甲公司")])
    assert predicted.relations == () and predicted.events == ()


def test_predicted_spans_join_the_gold_ones(make_model: Callable[..., SigningModel], encoder: TextEncoder,
                                            seeds: list[Article], hospital: Schema) -> None:
    model = make_model(hospital)
    batch = encoder.batch([encoder.encode(restrict(a, hospital)) for a in seeds[:2]])
    logits = model.joint(batch).tag_logits
    gold = [list(a.spans) for a in batch.articles]
    assert model._training_spans(batch, logits, 0.0) == gold
    half = model._training_spans(batch, logits, 0.5)
    assert half[1] == gold[1] and {s.key for s in half[0]} > {s.key for s in gold[0]}
    assert [s.key for s in half[0]] == sorted({s.key for s in half[0]})


def test_scores_of_types_the_schema_forbids_are_zero(predictor: Predictor, seeds: list[Article]) -> None:
    encoded = predictor.encoder.encode(seeds[0])
    batch = predictor.encoder.batch([encoded])
    with torch.no_grad():
        pairs, scores = predictor.model.score_pairs(batch, predictor.model.merged_states(batch), [list(encoded.spans)])
    assert (scores[~pairs.allowed] == 0).all() and (scores[pairs.allowed] > 0).all()


def test_merged_states_come_from_the_window_that_counts(make_model: Callable[..., SigningModel], encoder: TextEncoder,
                                                        seeds: list[Article], hospital: Schema) -> None:
    model = make_model(hospital)
    encoded = encoder.encode(replace(seeds[3], entities=(), relations=(), events=(), clusters=()))
    assert len(encoded.windows) > 5
    with torch.no_grad():
        states = model.merged_states(encoder.batch([encoded]))
        for token in (0, len(encoded.token_ids) // 2, len(encoded.token_ids) - 1):
            window = encoded.windows[encoded.window_of_token[token]]
            ids = [2, *encoded.token_ids[window.token_start : window.token_end].tolist(), 3]
            ids[0], ids[-1] = encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id
            alone = model.bert(input_ids=torch.tensor([ids])).last_hidden_state[0, token - window.token_start + 1]
            torch.testing.assert_close(states[token], alone, atol=1e-5, rtol=1e-4)
