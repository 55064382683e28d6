"""A run folder is refused with a reason, and written whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from data.errors import ModelError
from models import run_folder as module
from models.checkpoint import check_checkpoint
from models.document import Predictor
from models.run_folder import dump_yaml, load_predictor, model_settings, save_run


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "copy"))


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_predictor(folder)
    message = str(caught.value)
    assert str(folder) in message and "repair" in message
    return message


def test_what_a_run_folder_holds(run_folder: Path) -> None:
    check_checkpoint(run_folder)
    assert {p.name for p in run_folder.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "schema.yaml"}
    assert (run_folder / "model.safetensors").stat().st_mode & 0o777 == 0o644


def test_no_such_folder(tmp_path: Path) -> None:
    assert "no such model folder" in refused(tmp_path / "none")
    (tmp_path / "file").touch()
    assert "no such model folder" in refused(tmp_path / "file")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_each_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"missing: {name}" in refused(copy)


def test_all_missing_files_are_named_at_once(tmp_path: Path) -> None:
    assert "missing: config.json, model.safetensors, tokenizer.json" in refused(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pkl", "model.bin"])
def test_a_pickle_is_never_loaded(copy: Path, name: str) -> None:
    (copy / "model.safetensors").unlink()
    (copy / name).write_bytes(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")
    assert f"holds a pickle ({name}) and no model.safetensors" in refused(copy)


def test_a_pickle_beside_safetensors_is_left_alone(copy: Path) -> None:
    (copy / "pytorch_model.bin").write_bytes(b"not even a pickle")
    assert load_predictor(copy).name == "copy"


def test_an_encoder_is_no_run(tiny_encoder: Path) -> None:
    assert "no trained run" in refused(tiny_encoder)


def test_a_run_without_its_relation_head(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    save_file({k: v for k, v in weights.items() if not k.startswith("relation_head.")}, copy / "model.safetensors", metadata={"format": "pt"})
    assert "relation_head." in refused(copy) and "train it anew" in refused(copy)


def test_answers_that_the_model_does_not_read_are_told(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["qianyue"]["answers"] = {"name": "books", "labels": ["BOOK"], "relations": []}
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "does not read" in refused(copy)


def test_settings_are_read_without_weights(run_folder: Path, predictor: Predictor) -> None:
    settings = model_settings(run_folder)
    assert settings["max_tokens"] == 64 and settings["thresholds"] == predictor.thresholds
    assert settings["schema"]["name"] == "hospital"


def test_a_save_that_fails_leaves_the_old_run_and_no_rubbish(copy: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {p.name: p.read_bytes() for p in copy.iterdir()}

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predictor.encoder.tokenizer, "save_pretrained", fail, raising=False)
    with pytest.raises(OSError, match="No space"):
        save_run(copy, predictor.model, predictor.encoder.tokenizer, {"new.txt": "x"})
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before


def test_weights_appear_last(tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = module.os.replace
    monkeypatch.setattr(module.os, "replace", lambda a, b: (order.append(Path(b).name), replace(a, b)))
    save_run(tmp_path / "run", predictor.model, predictor.encoder.tokenizer, {"run.yaml": "医: 1"})
    assert order[-1] == "model.safetensors" and set(order) >= {"config.json", "run.yaml", "tokenizer.json"}
    assert (tmp_path / "run" / "run.yaml").read_text(encoding="utf-8") == "医: 1"


def test_yaml_keeps_order_and_chinese() -> None:
    assert dump_yaml({"b": "医院", "a": [1]}) == "b: 医院\na:\n- 1\n"


@pytest.mark.parametrize("damage", ["config", "weights", "tokenizer", "older"])
def test_a_damaged_run_is_told(copy: Path, damage: str) -> None:
    if damage == "config":
        (copy / "config.json").write_text('{"model_type": "bert", ', encoding="utf-8")
    elif damage == "weights":
        data = (copy / "model.safetensors").read_bytes()
        (copy / "model.safetensors").write_bytes(data[: len(data) // 2])
    elif damage == "tokenizer":
        (copy / "tokenizer.json").write_text("{", encoding="utf-8")
    else:
        config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
        del config["qianyue"]["hints"]
        (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    refused(copy)
