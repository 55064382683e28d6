"""The light loader reads a run as the full one does, to the last digit, and leaves to it whatever is unusual."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from data.article import Article
from data.errors import ModelError, UsageError
from data.fuzz import mutated_text
from models.extractor import Extractor
from models.light import LightTokenizer, load_light
from models.run_folder import load_predictor


def test_the_same_predictions(run_folder: Path, seeds: list[Article]) -> None:
    articles = [replace(a, text=a.text[:600]).without_annotation() for a in seeds]
    articles += [replace(a, text=mutated_text(a.text, random.Random(n))) for n in range(4) for a in articles]
    light, full = load_light(run_folder), load_predictor(run_folder)
    assert light is not None
    found = list(light.predict(articles))
    assert found == list(full.predict(articles)) and sum(len(a.entities) for a in found) > 100


def test_the_same_tokens(run_folder: Path) -> None:
    full = load_predictor(run_folder).encoder.tokenizer
    texts = ["", " ", "甲市\u3000医院 2024年", "ＡＢＣ abc Été 𠮷\ufffd\x00\u200b", "[SEP][CLS] 医"]
    ours, theirs = LightTokenizer(run_folder / "tokenizer.json"), full(texts, add_special_tokens=False, return_offsets_mapping=True)
    found = ours(texts)
    assert found["input_ids"] == theirs["input_ids"] and [list(o) for o in found["offset_mapping"]] == theirs["offset_mapping"]
    assert (ours.pad_token_id, ours.cls_token_id, ours.sep_token_id) == (full.pad_token_id, full.cls_token_id, full.sep_token_id)


@pytest.mark.parametrize("change", [{"hidden_act": "relu"}, {"id2label": {"0": "O"}}, {"qianyue": None}, {"hidden_size": "wide"}])
def test_what_is_unusual_is_left_to_the_full_loader(run_folder: Path, tmp_path: Path, change: dict[str, object]) -> None:
    shutil.copytree(run_folder, tmp_path / "run")
    config = json.loads((run_folder / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "run/config.json").write_text(json.dumps(config | change), encoding="utf-8")
    assert load_light(tmp_path / "run") is None
    if change == {"hidden_act": "relu"}:
        assert Extractor.load(tmp_path / "run").extract("甲院").text == "甲院"
    else:
        with pytest.raises(ModelError, match="repair:"):
            Extractor.load(tmp_path / "run")


def test_damaged_files_are_told_by_the_full_loader(run_folder: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copytree(run_folder, tmp_path / name)
        (tmp_path / name / name).write_bytes(b"{broken")
        with pytest.raises(ModelError, match="a file of the run is damaged"):
            Extractor.load(tmp_path / name)
    with pytest.raises(ModelError, match="no such model folder"):
        Extractor.load(tmp_path / "none")
    with pytest.raises(UsageError, match="expected one of"):
        Extractor.load(run_folder, engine="steam")


def test_the_front_door_needs_no_modelling_code_of_transformers() -> None:
    """Its import takes seconds: a first result must not wait for it."""
    script = "import sys, models.extractor, models.batch, models.register; sys.exit('transformers' in sys.modules or 'networkx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
