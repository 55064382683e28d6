"""Folds, and the summary of folds that are already scored; nothing is trained here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from data.article import Article, Entity, Event, write_jsonl
from data.errors import QianyueError, UsageError
from data.schema import Schema
from eval import crossval
from eval.crossval import Fold, fingerprint_of, main, make_folds, run_fold, summarise, table
from eval.metrics import score_articles

TEXT = "甲院与乙院"


def article(name: str, *spans: tuple[int, int], events: tuple[Event, ...] = ()) -> Article:
    return Article(id=name, text=TEXT, events=events, entities=tuple(
        Entity(id=f"T{i}", char_start=s, char_end=e, label="HOSPITAL", text=TEXT[s:e]) for i, (s, e) in enumerate(spans)))


def test_a_fold_for_each_article() -> None:
    folds = make_folds(Path("configs/ci.yaml"), ["optimiser.epochs=2"], "cv", [article("a"), article("b")])
    assert [f.held_out for f in folds] == ["a", "b"]
    assert folds[0].run == Path("runs/cv/a") and folds[1].report == Path("reports/cv/b")
    assert folds[1].command(Path("c.yaml")) == [
        sys.executable, "-m", "training.train", "--config", "c.yaml", "--set", "optimiser.epochs=2", "--set", "name=cv/b",
        "--set", "data.exclude=[b]"]


def test_the_overrides_of_a_fold_are_a_legal_config_that_leaves_its_article_out() -> None:
    from training.config import load_config

    seeds = [Article(id=p.stem, text="") for p in sorted(Path("data/articles").glob("*.txt"))]
    for fold in make_folds(Path("configs/default.yaml"), [], "crossval-default", seeds):
        config = load_config("configs/default.yaml", fold.overrides)
        assert config.data.exclude == [fold.held_out] and config.run_folder == fold.run and config.report_folder == fold.report


@pytest.fixture
def folds(tmp_path: Path, hospital: Schema) -> list[Fold]:
    """Article a is found whole, of b one of two hospitals and no event."""
    signed = (Event(parties=("甲院", "乙院"), date="2024"),)
    made = []
    for name, found, events in (("a", ((0, 2), (3, 5)), signed), ("b", ((0, 2),), ())):
        gold, predicted = article(name, (0, 2), (3, 5), events=signed), article(name, *found, events=events)
        report = tmp_path / name
        record = score_articles([gold], [predicted], hospital)
        record["baselines"] = {"rules": {part: {"f1": 0.25 if name == "a" else 0.75} for part in ("entities", "relations", "events")}}
        write_jsonl(report / "gold.jsonl", [gold])
        write_jsonl(report / "predictions.jsonl", [predicted])
        (report / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
        made.append(Fold(held_out=name, run=tmp_path / "runs" / name, report=report, overrides=()))
    return made


def test_the_summary_by_hand(folds: list[Fold]) -> None:
    summary = summarise(folds)
    assert summary["folds"] == ["a", "b"]
    entities = summary["scores"]["entities.micro"]
    assert entities["by_article"] == {"a": 1.0, "b": pytest.approx(2 / 3)}
    assert entities["mean"] == pytest.approx(5 / 6) and entities["spread"] == pytest.approx((1 / 3) / 2**0.5)
    assert entities["f1"] == pytest.approx(6 / 7)  # pooled: 3 hits, 0 spurious, 1 missed
    low, high = entities["interval"]
    assert low == pytest.approx(2 / 3) and high == 1.0
    assert entities["baselines"] == {"rules": 0.5}
    parties = summary["scores"]["events.parties"]
    assert parties["mean"] == 0.5 and parties["recall"] == 0.5 and parties["support"] == 2
    assert summary["scores"]["events.record"]["baselines"] == {}
    assert summary["pooled"]["articles"] == 2


def test_the_table(folds: list[Fold]) -> None:
    lines = table(summarise(folds)).splitlines()
    assert len(lines) == 2 + 5 and len({line.count("|") for line in lines}) == 1
    row = next(line for line in lines if line.startswith("| entities.micro "))
    assert [c.strip() for c in row.strip("|").split("|")] == ["entities.micro", "0.833", "0.236", "0.857", "0.667-1.000", "3/4", "0.500"]


def test_one_fold_has_no_spread(folds: list[Fold]) -> None:
    assert summarise(folds[:1])["scores"]["entities.micro"]["spread"] == 0.0


def test_a_scored_fold_is_not_trained_again(folds: list[Fold], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    called: list[list[str]] = []

    def record(command: list[str]) -> None:
        called.append(command)
        folds[0].run.mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(crossval, "call", record)
    run_fold(folds[0], Path("c.yaml"), "f1", keep_models=False)
    assert [c[2] for c in called] == ["training.train", "eval.evaluate"]
    assert called[1][called[1].index("--only") + 1] == "a" and not folds[0].run.exists()
    run_fold(folds[0], Path("c.yaml"), "f1", keep_models=False)
    assert len(called) == 2 and "already scored" in capsys.readouterr().out
    run_fold(folds[0], Path("c.yaml"), "f2", keep_models=True)
    assert len(called) == 4 and folds[0].run.exists()
    assert "--resume" not in called[2]


def test_a_killed_fold_goes_on(folds: list[Fold], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(crossval, "call", called.append)
    (folds[0].run / "checkpoints").mkdir(parents=True)
    folds[0].report.mkdir(parents=True, exist_ok=True)
    (folds[0].report / "begun.json").write_text('{"fingerprint": "f"}', encoding="utf-8")
    run_fold(folds[0], Path("c.yaml"), "f", keep_models=True)
    assert called[0][-1] == "--resume"


def test_a_killed_fold_of_other_settings_begins_anew(folds: list[Fold], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []

    def killed(command: list[str]) -> None:
        (folds[0].run / "checkpoints").mkdir(parents=True, exist_ok=True)
        called.append(command)
        raise KeyboardInterrupt

    monkeypatch.setattr(crossval, "call", killed)
    for fingerprint in ("old settings", "new settings"):
        with pytest.raises(KeyboardInterrupt):
            run_fold(folds[0], Path("c.yaml"), fingerprint, keep_models=True)
    assert "--resume" not in called[1]


def test_a_failed_fold_says_which_command() -> None:
    with pytest.raises(QianyueError, match="ended with 3") as caught:
        crossval.call([sys.executable, "-c", "raise SystemExit(3)"])
    assert "what is finished is kept" in str(caught.value)


def test_the_fingerprint_changes_with_config_and_overrides(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("name: a", encoding="utf-8")
    first = fingerprint_of(config, [])
    assert fingerprint_of(config, []) == first != fingerprint_of(config, ["seed=1"])
    config.write_text("name: b", encoding="utf-8")
    assert fingerprint_of(config, []) != first
    (tmp_path / "base.yaml").write_text("seed: 1", encoding="utf-8")
    config.write_text("extends: base.yaml\nname: a", encoding="utf-8")
    extended = fingerprint_of(config, [])
    (tmp_path / "base.yaml").write_text("seed: 2", encoding="utf-8")
    assert fingerprint_of(config, []) != extended, "what it extends counts too"


def test_a_wrong_config_is_told_before_anything_runs(tmp_path: Path, call) -> None:
    said = call(main, "--config", tmp_path / "none.yaml")
    assert said.code == 2 and "no such config file" in said.err
    (tmp_path / "list.yaml").write_text("- a", encoding="utf-8")
    with pytest.raises(UsageError, match="expected a mapping"):
        main(["--config", str(tmp_path / "list.yaml")])
