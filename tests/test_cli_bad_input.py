"""Bad input: one clear message naming file, place and repair, exit 1 or 2, no traceback, nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.article import read_jsonl
from data.gold_compile import main as gold_compile
from data.validate import main as validate
from eval.evaluate import main as evaluate
from models.embedded import main as embedded
from models.predict import main as predict
from training.train import main as train

TEXT = "甲院与乙院签约。"


@pytest.fixture
def train_on(tmp_path: Path, tiny_encoder: Path, call) -> Callable[..., Any]:
    """Call ``training.train`` on a gold file; nothing may be left of what fails."""

    def run(gold: Path | str, *overrides: str, runs: Path | None = None) -> Any:
        settings = [f"data.train=[{gold}]", f"encoder={tiny_encoder}", f"runs={runs or tmp_path / 'runs'}",
                    f"reports={tmp_path / 'reports'}", "threads=1", "optimiser.epochs=1", *overrides]
        return call(train, "--config", "configs/ci.yaml", *(part for s in settings for part in ("--set", s)))

    return run


def is_clear(said: Any, code: int, *parts: str) -> None:
    """One message with all of ``parts`` and a way to repair it."""
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    assert said.err.count("error: ") == 1
    assert "repair: " in said.err
    for part in parts:
        assert part in said.err, said.err


def no_trace(tmp_path: Path) -> None:
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith(".tmp") or p.name == "model.safetensors" or p.name.startswith(".saving")]


def gold_file(tmp_path: Path, **record: object) -> Path:
    path = tmp_path / "gold.jsonl"
    path.write_text(json.dumps({"id": "g-1", "text": TEXT, "entities": [], "relations": [], **record}, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def span(name: str, start: int, end: int, label: str = "HOSPITAL", text: str | None = None) -> dict[str, object]:
    return {"id": name, "start": start, "end": end, "label": label, "text": TEXT[start:end] if text is None else text}


BAD_GOLD: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "relation to a missing entity": ({"entities": [span("T1", 0, 2)], "relations": [{"type": "SIGNED_WITH", "head": "T1", "tail": "T9"}]},
                                     ("relation SIGNED_WITH T1 -> T9", "no entity T9")),
    "overlapping spans": ({"entities": [span("T1", 0, 4), span("T2", 3, 5)]}, ("T2 at 3-5", "overlaps entity T1")),
    "offsets past the end": ({"entities": [span("T1", 5, 99, text="签约")]}, ("T1 at 5-99", "within 0-8")),
    "text differs": ({"entities": [span("T1", 0, 2, text="乙院")]}, ("T1 at 0-2", "expected '甲院', found '乙院'")),
}


@pytest.mark.parametrize("kind", BAD_GOLD)
def test_bad_gold_is_refused_by_training(tmp_path: Path, train_on: Callable[..., Any], kind: str) -> None:
    record, parts = BAD_GOLD[kind]
    path = gold_file(tmp_path, **record)
    is_clear(train_on(path), 1, str(path), "g-1", *parts, "python -m data.validate")
    no_trace(tmp_path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kind", BAD_GOLD)
def test_bad_gold_is_refused_by_evaluation_and_validation(tmp_path: Path, run_folder: Path, call, kind: str) -> None:
    record, parts = BAD_GOLD[kind]
    path = gold_file(tmp_path, **record)
    is_clear(call(evaluate, "--model", run_folder, "--data", path, "--report", tmp_path / "report"), 1, str(path), "g-1", *parts)
    assert not (tmp_path / "report").exists()
    said = call(validate, path)
    assert said.code == 1 and all(part in said.out for part in (str(path), "g-1", *parts))


def test_an_unknown_label_in_gold(tmp_path: Path, train_on: Callable[..., Any], call) -> None:
    path = gold_file(tmp_path, entities=[span("T1", 0, 2, "HOSPITL"), span("T2", 3, 5)])
    said = call(validate, path, "--schema", "configs/schema/hospital.yaml")
    assert said.code == 1 and f"{path}: g-1: entity T1 at 0-2: expected a label among HOSPITAL PERSON ROLE DATE, found 'HOSPITL'" in said.out
    # Training drops it by the contract, and says so.
    said = train_on(path)
    assert said.code == 0 and "outside the schema: 1 entity:HOSPITL" in said.out


@pytest.mark.parametrize("kind", ["empty", "no text", "broken JSON", "missing"])
def test_a_gold_file_that_is_none(tmp_path: Path, train_on: Callable[..., Any], kind: str) -> None:
    path = tmp_path / "gold.jsonl"
    if kind == "empty":
        path.touch()
    elif kind == "no text":
        path.write_bytes(bytes(range(256)) * 10)
    elif kind == "broken JSON":
        path.write_text('{"id": "a", "text": \n', encoding="utf-8")
    said = train_on(path)
    is_clear(said, 2 if kind == "empty" else 1)
    if kind != "empty":
        assert str(path) in said.err
    no_trace(tmp_path)


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_an_empty_gold_file_is_named(tmp_path: Path, train_on: Callable[..., Any], run_folder: Path, call, command: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.touch()
    said = train_on(path) if command == "train" else call(evaluate, "--model", run_folder, "--data", path, "--report", tmp_path / "r")
    assert said.code in (1, 2) and str(path) in said.err and "repair: " in said.err


@pytest.mark.parametrize(("name", "data", "reason"), [
    ("empty.txt", b"", "empty.txt"), ("blank.txt", b"\n \n", "blank.txt"), ("image.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "image.txt"),
    ("zeros.txt", b"\x00" * 4096, "zeros.txt"), ("cut.txt.gz", b"\x1f\x8b\x08\x00abc", "cut.txt.gz"), ("table.xyz", b"x", "table.xyz")])
def test_input_that_is_no_article(tmp_path: Path, run_folder: Path, call, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    said = call(predict, "--model", run_folder, "--input", tmp_path / name, "--output", tmp_path / "out.jsonl")
    is_clear(said, 1, reason, "no article could be read")
    assert f"skipped: {tmp_path / name}: " in said.err
    assert not (tmp_path / "out.jsonl").exists()
    no_trace(tmp_path)


def test_a_very_long_line_is_read(tmp_path: Path, run_folder: Path, call) -> None:
    """A quarter of a megabyte without a full stop."""
    (tmp_path / "long.txt").write_text("十" * 80_000, encoding="utf-8")
    said = call(predict, "--model", run_folder, "--input", tmp_path / "long.txt", "--output", tmp_path / "out.jsonl", "--events-only")
    assert said.code == 0 and "1 articles" in said.err and "Traceback" not in said.err


def test_a_line_of_jsonl_of_5_mb_is_validated(tmp_path: Path, call) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps({"id": "long", "text": "医院" * 850_000, "entities": [
        {"id": "T1", "start": 1_699_998, "end": 1_700_001, "label": "HOSPITAL", "text": "医院"}]}, ensure_ascii=False), encoding="utf-8")
    assert path.stat().st_size > 5_000_000
    said = call(validate, path)
    assert said.code == 1 and "1699998-1700001: expected offsets within 0-1700000" in said.out and len(said.out) < 1000


@pytest.mark.parametrize(("override", "part"), [
    ("optimiser.epoch=3", "optimiser.epoch: unknown key; did you mean 'epochs'?"), ("optimiser.epochs=many", "optimiser.epochs: "),
    ("schema=configs/schema/hospitl.yaml", "configs/schema/hospitl.yaml: no such schema file"), ("data.train=[gold.csv]", "gold.csv")])
def test_a_config_with_a_typo(tmp_path: Path, train_on: Callable[..., Any], override: str, part: str) -> None:
    is_clear(train_on("data/gold/seeds.jsonl", override), 2, part)
    assert not (tmp_path / "runs").exists()


def test_a_typo_in_the_config_file_names_the_file(tmp_path: Path, call) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(Path("configs/ci.yaml").read_text(encoding="utf-8").replace("encoder:", "encodr:"), encoding="utf-8")
    is_clear(call(train, "--config", path), 2, str(path), "encodr: unknown key; did you mean 'encoder'?")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("kind", ["missing", "empty folder", "pickle"])
def test_a_model_folder_that_is_none(tmp_path: Path, call, command: str, kind: str) -> None:
    folder, out = tmp_path / "run", tmp_path / "out"
    if kind != "missing":
        folder.mkdir()
    if kind == "pickle":
        (folder / "config.json").write_text("{}", encoding="utf-8")
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    part = {"missing": "no such model folder", "empty folder": "missing: config.json", "pickle": "holds a pickle (pytorch_model.bin)"}[kind]
    if command == "predict":
        said = call(predict, "--model", folder, "--input", "data/articles", "--output", out)
    else:
        said = call(evaluate, "--model", folder, "--data", "data/gold/seeds.jsonl", "--report", out)
    is_clear(said, 1, str(folder), part)
    assert not out.exists()


@pytest.mark.parametrize("kind", ["missing", "pickle"])
def test_an_encoder_that_is_none(tmp_path: Path, train_on: Callable[..., Any], kind: str) -> None:
    folder = tmp_path / "encoder"
    if kind == "pickle":
        folder.mkdir()
        (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    is_clear(train_on("data/gold/seeds.jsonl", f"encoder={folder}"), 1, str(folder), "pickle" if kind == "pickle" else "no such model folder")
    no_trace(tmp_path)


class TestReadOnly:
    """Each command that writes, into a folder that this process may not write to."""

    def test_predict(self, open_run: Path, read_only_folder: Path, call) -> None:
        said = call(predict, "--model", open_run, "--input", open_run / "article.txt", "--output", read_only_folder / "out.jsonl")
        is_clear(said, 1, str(read_only_folder / "out.jsonl"))

    def test_evaluate(self, open_run: Path, read_only_folder: Path, call) -> None:
        said = call(evaluate, "--model", open_run, "--data", open_run / "gold.jsonl", "--report", read_only_folder / "report")
        is_clear(said, 1, str(read_only_folder))

    def test_train(self, open_run: Path, read_only_folder: Path, call) -> None:
        settings = [f"data.train=[{open_run / 'gold.jsonl'}]", f"runs={read_only_folder / 'runs'}", "threads=1", f"encoder={open_run / 'encoder'}"]
        said = call(train, "--config", "configs/ci.yaml", *(part for s in settings for part in ("--set", s)))
        is_clear(said, 1, str(read_only_folder))

    def test_gold_compile(self, read_only_folder: Path, call) -> None:
        is_clear(call(gold_compile, "data/gold/seeds.txt", read_only_folder / "seeds.jsonl"), 1, str(read_only_folder))

    def test_embedded(self, read_only_folder: Path, call) -> None:
        is_clear(call(embedded, "--out", read_only_folder / "e", "--layers", 1, "--width", 32, "--heads", 4), 1, str(read_only_folder))

    @pytest.fixture
    def open_run(self, run_folder: Path, tiny_encoder: Path) -> Iterator[Path]:
        """A run, gold and an encoder that another user may read: pytest's own folders are private."""
        folder = Path(tempfile.mkdtemp(prefix="qianyue-open-"))
        shutil.copytree(run_folder, folder, dirs_exist_ok=True)
        shutil.copytree(tiny_encoder, folder / "encoder")
        (folder / "gold.jsonl").write_text(json.dumps({"id": "g", "text": TEXT}) + "\n", encoding="utf-8")
        (folder / "article.txt").write_text(TEXT, encoding="utf-8")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        # Modules that are imported late may lie where only root can read: have them first.
        predict(["--model", str(folder), "--input", str(folder / "article.txt"), "--output", str(folder / "warm.jsonl")])
        evaluate(["--model", str(folder), "--data", str(folder / "gold.jsonl"), "--report", str(folder / "warm")])
        yield folder
        shutil.rmtree(folder)


@pytest.mark.parametrize("module", ["data.validate", "models.predict", "training.train", "eval.evaluate"])
def test_help_comes_without_error(module: str, call) -> None:
    from importlib import import_module

    said = call(import_module(module).main, "--help")
    assert said.code == 0 and "example" in said.out and not said.err


@pytest.mark.slow
def test_the_module_itself_ends_with_the_code(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "training.train", "--config", str(tmp_path / "none.yaml")], capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr == f"error: {tmp_path / 'none.yaml'}: no such config file\n  repair: --config configs/default.yaml (see the folder configs/)\n"


def test_gold_of_the_repository_is_still_whole() -> None:
    """None of the commands above touched it."""
    assert len(read_jsonl("data/gold/seeds.jsonl")) == 5


@pytest.mark.parametrize("kind", ["config is a folder", "output is a folder", "runs lie below a file"])
def test_a_path_of_the_wrong_kind_is_told(tmp_path: Path, train_on: Callable[..., Any], run_folder: Path, call, kind: str) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    if kind == "config is a folder":
        said = call(train, "--config", "configs")
    elif kind == "output is a folder":
        said = call(predict, "--model", run_folder, "--input", tmp_path / "a.txt", "--output", tmp_path)
    else:
        said = train_on("data/gold/seeds.jsonl", runs=tmp_path / "a.txt" / "runs")
    assert said.code in (1, 2) and "repair: " in said.err


@pytest.mark.parametrize("kind", ["unknown hub name", "another architecture", "no tokenizer"])
def test_an_encoder_that_cannot_serve_is_told(tmp_path: Path, train_on: Callable[..., Any], tiny_encoder: Path,
                                              monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "g", "text": TEXT}) + "\n", encoding="utf-8")
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    if kind == "another architecture":
        from transformers import DistilBertConfig, DistilBertModel

        DistilBertModel(DistilBertConfig(vocab_size=8700, dim=32, n_layers=1, n_heads=4, hidden_dim=64)).save_pretrained(folder)
    elif kind == "no tokenizer":
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()
    is_clear(train_on(gold, "encoder=" + ("hfl/chinese-macbert-bsae" if kind == "unknown hub name" else str(folder))), 1)
    shutil.rmtree(folder)  # the encoder itself is no trace of the run
    no_trace(tmp_path)
