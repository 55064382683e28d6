"""A model that tells more apart than it is asked for: it reads in one schema and answers in a smaller one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.article import Article, read_jsonl
from data.errors import UsageError
from data.schema import RelationType, Schema, restrict
from data.validate import validate_articles
from eval.thresholds import tune_thresholds
from models.document import LONE_EVENT, Predictor, event_kind_of
from models.extractor import Extractor
from models.light import load_light
from models.run_folder import dump_yaml, load_predictor, predictor_of, save_run
from models.signing import SigningModel
from training.config import parse_config
from training.train import build_model, read_material, run

LOW = 0.005  # untrained heads hardly ever say more


@pytest.fixture(scope="module")
def narrow(make_model: Callable[..., SigningModel], tokenizer: Any, parties: Schema, hospital: Schema) -> Predictor:
    """Reads with ORG and answers without, untrained."""
    model = make_model(parties, hints=True, thresholds={r.name: LOW for r in parties.relations}, answers=hospital.to_dict())
    return predictor_of(model, tokenizer, name="narrow")


@pytest.fixture(scope="module")
def given(seeds: list[Article]) -> list[Article]:
    return [replace(a, text=a.text[:400]).without_annotation() for a in seeds]


def test_answers_are_the_reading_without_what_is_not_asked_for(
    narrow: Predictor, given: list[Article], hospital: Schema, parties: Schema
) -> None:
    whole = list(replace(narrow, answers=None).predict(given))
    found = list(narrow.predict(given))
    assert found == [restrict(a, hospital) for a in whole] and narrow.schema == hospital and narrow.encoder.schema == parties
    assert validate_articles(found, hospital) == []
    assert any(e.label == "ORG" for a in whole for e in a.entities) and sum(len(a.events) for a in found)
    assert all(not v.other_parties for a in found for v in a.events)
    assert all(set(c.undecided) <= {e.id for e in c.entities} for c in found)


def test_candidates_are_restricted_too(narrow: Predictor, given: list[Article]) -> None:
    for article, candidates in narrow.predict_scored(given):
        assert {e.label for e in candidates.entities} <= set(narrow.schema.labels)
        assert set(article.entities) <= set(candidates.entities) and set(article.relations) <= set(candidates.relations)


def test_an_agreement_with_a_company_must_reach_the_floor_of_one_party(narrow: Predictor, given: list[Article]) -> None:
    whole = replace(narrow, answers=None)
    joined = [v for a in whole.predict(given) for v in a.events if len(v.parties) == 1 and v.other_parties]
    assert joined and not any(event_kind_of(v) == LONE_EVENT for v in joined)
    floored = replace(narrow, thresholds={**narrow.thresholds, LONE_EVENT: 2.0})
    assert all(len(v.parties) > 1 for a in floored.predict(given) for v in a.events)


def test_a_run_folder_remembers_in_which_schema_to_answer(
    narrow: Predictor, given: list[Article], hospital: Schema, tmp_path: Path
) -> None:
    save_run(tmp_path / "run", narrow.model, narrow.encoder.tokenizer, {"schema.yaml": dump_yaml(hospital.to_dict())})
    light, full = load_light(tmp_path / "run"), load_predictor(tmp_path / "run")
    assert light is not None and light.schema == full.schema == Extractor.load(tmp_path / "run").schema == hospital
    whole = Extractor.load(tmp_path / "run", all_labels=True)
    assert whole.schema.labels == ("HOSPITAL", "PERSON", "ROLE", "DATE", "ORG")
    assert any(e.label == "ORG" for a in whole.extract_batch(given) for e in a.entities)
    found = list(light.predict(given))
    assert found == list(full.predict(given)) and sum(len(a.entities) for a in found) > 50
    assert {e.label for a in found for e in a.entities} <= set(hospital.labels)


def test_thresholds_are_of_the_answers(narrow: Predictor, marked: Callable[..., Article], hospital: Schema) -> None:
    dev = [restrict(marked("{H1:甲医院}与{O1:乙公司}签约。"), hospital)]
    names = set(tune_thresholds(narrow, dev)["thresholds"])
    assert "ORG" not in names and {r.name for r in hospital.relations} <= names


def test_training_keeps_what_is_read_and_scores_what_is_asked(tiny_encoder: Path, hospital: Schema, parties: Schema) -> None:
    config = parse_config({"name": "narrow", "encoder": str(tiny_encoder), "reading_schema": "configs/schema/parties.yaml",
                           "data": {"train": ["data/gold/seeds.jsonl"], "dev": ["data/corpus@dev"]}})
    material = read_material(config)
    assert any(e.label == "ORG" for a in material.train for e in a.entities)
    assert not any(e.label == "ORG" for a in material.dev for e in a.entities)
    model, _ = build_model(config, material.reading, material.schema)
    assert model.schema == parties and model.answers == hospital
    same, _ = build_model(config, material.schema, material.schema)
    assert same.schema == hospital and same.answers is None


def test_without_a_dev_set_the_training_articles_are_scored_in_the_schema_of_the_answers(
    tiny_encoder: Path, tmp_path: Path, hospital: Schema
) -> None:
    config = parse_config({"name": "narrow", "encoder": str(tiny_encoder), "reading_schema": "configs/schema/parties.yaml",
                           "data": {"train": ["data/gold/seeds.jsonl"], "dev": []}, "runs": str(tmp_path / "runs"),
                           "optimiser": {"epochs": 1}, "windows": {"max_tokens": 64, "overlap_tokens": 16},
                           "reports": str(tmp_path / "reports"), "threads": 1})
    run(config, resume=False, command="test")
    gold = read_jsonl(tmp_path / "reports" / "narrow" / "gold.jsonl")
    assert gold and {e.label for a in gold for e in a.entities} == set(hospital.labels)


def test_a_schema_that_lacks_what_is_asked_for_is_refused(tmp_path: Path, tiny_encoder: Path) -> None:
    (tmp_path / "small.yaml").write_text("name: small\nlabels: [HOSPITAL]\n", encoding="utf-8")
    config = parse_config({"name": "small", "encoder": str(tiny_encoder), "reading_schema": str(tmp_path / "small.yaml"),
                           "data": {"train": ["data/gold/seeds.jsonl"]}})
    with pytest.raises(UsageError, match="reading_schema=null"):
        read_material(config)


def test_what_covers_what(hospital: Schema, parties: Schema) -> None:
    assert parties.covers(hospital) and hospital.covers(hospital) and not hospital.covers(parties)
    one = hospital.relations[0]
    turned = RelationType(name=one.name, head=one.head, tail=one.tail, symmetric=not one.symmetric)
    assert not replace(parties, relations=(turned, *parties.relations[1:])).covers(hospital)
