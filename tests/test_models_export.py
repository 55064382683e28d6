"""Export: the files, the gates, and the engine that runs them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.article import Article
from data.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, ModelError
from models import export
from models.document import Predictor
from models.engines import choose_engine
from models.run_folder import load_predictor

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
SOURCE = Path("data/gold/seeds.jsonl")


@pytest.fixture
def run(run_folder: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    return copy


@pytest.fixture
def gold(tmp_path: Path, seeds: list[Article]) -> Path:
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps({"id": a.id, "text": a.text[:100]}, ensure_ascii=False) + "\n" for a in seeds),
                    encoding="utf-8")
    return path


def test_an_export_that_is_faster_is_kept_and_reads_the_same(
        run: Path, gold: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, seeds: list[Article]) -> None:
    monkeypatch.setattr(export, "time_share", lambda *_: 0.5)
    done = call(export.main, "--model", run, "--to", "onnx", "--int8", "--replaces", "torch", "--data", gold)
    assert done.code == EXIT_OK, done.err
    assert "onnx: " in done.out and "0 differ" in done.out and "2.00 times as fast as torch" in done.out
    assert choose_engine("auto", run) == "onnx"
    article = Article(id="a", text=seeds[1].text[:120])
    ours, = load_predictor(run, engine="onnx").predict([article])
    theirs, = load_predictor(run, engine="torch").predict([article])
    assert [(e.char_start, e.char_end, e.label) for e in ours.entities] == [
        (e.char_start, e.char_end, e.label) for e in theirs.entities]
    assert {(r.type, r.head, r.tail) for r in ours.relations} == {(r.type, r.head, r.tail) for r in theirs.relations}
    assert all(abs((a.score or 0) - (b.score or 0)) <= 2e-4 for a, b in zip(ours.relations, theirs.relations, strict=True))
    quantised, = load_predictor(run, engine="onnx-int8").predict([article])
    assert quantised.entities


def test_a_slower_export_is_refused_and_leaves_nothing(
        run: Path, gold: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "time_share", lambda *_: 1.5)
    done = call(export.main, "--model", run, "--to", "onnx", "--data", gold)
    assert done.code == EXIT_FAILED
    assert "takes 1.50 times as long" in done.err
    assert not (run / "onnx").exists() and not list(run.glob(".exporting-*"))


def test_an_export_of_other_weights_is_not_used(
        run: Path, gold: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "time_share", lambda *_: 0.5)
    assert call(export.main, "--model", run, "--to", "onnx", "--data", gold).code == EXIT_OK
    with (run / "model.safetensors").open("ab") as stream:
        stream.write(b" ")
    assert choose_engine("auto", run) != "onnx"
    from models.onnx_engine import check_export

    with pytest.raises(ModelError, match="other weights"):
        check_export(run, "onnx")
    with pytest.raises(ModelError, match="holds no export"):
        check_export(run, "onnx-int8")


def test_wrong_use_says_so(run: Path, call: Callable[..., Any]) -> None:
    assert call(export.main, "--model", run, "--to", "onnx", "--threads", "0").code == EXIT_USAGE
    assert call(export.main, "--model", run, "--to", "tensorflow").code == EXIT_USAGE
    helped = call(export.main, "--help")
    assert helped.code == EXIT_OK and "examples:" in helped.out


def test_f1_counts_spans_and_relations_strictly(predictor: Predictor, seeds: list[Article]) -> None:
    from dataclasses import replace

    assert export.micro_f1(seeds, seeds) == (1.0, 1.0)
    halved = [replace(a, relations=()) for a in seeds]
    assert export.micro_f1(seeds, halved) == (1.0, 0.0)
