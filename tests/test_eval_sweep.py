"""Sweeps: their files, their table, and that what is done is not done again. Nothing is trained here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from data.errors import UsageError
from eval import sweep as module
from eval.sweep import Sweep, main, read_sweep, run_row, table
from training.config import load_config

FILES = sorted(Path("configs/sweeps").glob("*.yaml"))


def scores(entities: float) -> dict[str, float]:
    return {"entities.micro": entities, "relations.micro": 0.5, "events.parties": 0.25}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_row_of_a_shipped_sweep_is_a_legal_config_and_scores_nothing_it_trains_on(path: Path) -> None:
    sweep = read_sweep(path)
    assert sweep.name == path.stem
    for title, overrides in sweep.rows.items():
        config = load_config(sweep.config, [*sweep.common, *overrides])
        assert title in sweep.leave_one_out or not set(config.data.train) & set(sweep.score.values())
    assert set(sweep.leave_one_out) <= set(sweep.rows)


def test_the_table_shows_the_difference_from_the_first_row() -> None:
    sweep = Sweep(name="s", config="c", score={"dev": "d"}, rows={"all": [], "none": []})
    text = table(sweep, [{"title": "all", "scores": {"dev": scores(0.9)}}, {"title": "none", "scores": {"dev": scores(0.875)}}])
    assert text.splitlines()[2:] == ["| all | 0.900 | 0.500 | 0.250 |", "| none | 0.875 (-2.5) | 0.500 (+0.0) | 0.250 |"]


def test_a_sweep_may_extend_another_and_leave_one_out_in_every_row(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nconfig: c\nscore: {seeds: seeds.jsonl, dev: d}\nrows: {x: [], y: [k=1]}\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\nname: b\nleave_one_out: all\n", encoding="utf-8")
    sweep = read_sweep(tmp_path / "b.yaml")
    assert (sweep.name, sweep.rows, sweep.leave_one_out) == ("b", {"x": [], "y": ["k=1"]}, ["x", "y"])
    text = table(sweep, [{"title": t, "scores": {"seeds": scores(0.5)}} for t in sweep.rows])
    assert "dev" not in text and len({line.count("|") for line in text.splitlines()}) == 1


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that a sweep calls, each answered by the files that the real one leaves behind."""
    monkeypatch.chdir(tmp_path)
    made: list[list[str]] = []

    def answer(command: Sequence[str]) -> None:
        made.append(list(command))
        if "training.train" in command:
            name = command[-1].removeprefix("name=")
            (tmp_path / "runs" / name).mkdir(parents=True)
            report, record = tmp_path / "reports" / name, {"provenance": {"cost": {"train_seconds": 7.0}}}
        else:
            report = tmp_path / command[command.index("--report") + 1]
            record = {part: {name: {"f1": 0.5}} for part, name in module.COLUMNS}
        report.mkdir(parents=True)
        (report / "metrics.json").write_text(json.dumps(record), encoding="utf-8")

    monkeypatch.setattr(module, "call", answer)
    monkeypatch.setattr(module, "fingerprint_of", lambda config, overrides: "|".join(overrides))
    return made


def test_a_row_is_trained_scored_and_not_done_twice(calls: list[list[str]]) -> None:
    sweep = Sweep(name="s", config="c.yaml", common=["a=1"], score={"real pages": "gold.jsonl"}, rows={"no noise": ["b=2"]})
    first = run_row(sweep, "no noise")
    assert [c[2] for c in calls] == ["training.train", "eval.evaluate"]
    assert calls[0][-6:] == ["--set", "a=1", "--set", "b=2", "--set", "name=s/no-noise"]
    assert first["scores"]["real pages"]["entities.micro"] == 0.5 and not Path("runs/s/no-noise").exists()
    assert run_row(sweep, "no noise") == first and len(calls) == 2


def test_a_row_of_other_settings_is_trained_anew(calls: list[list[str]]) -> None:
    for overrides in (["b=2"], ["b=3"]):
        run_row(Sweep(name="s" + overrides[0][-1], config="c.yaml", score={"d": "g"}, rows={"r": overrides}), "r")
    assert len(calls) == 4


@pytest.mark.parametrize(("text", "said"), [
    ("name: x\n", "config: Field required"), ("name: [", "no valid YAML"), ("name: x\nfoo: 1\n", "foo: Extra inputs"),
])
def test_a_wrong_sweep_file_names_its_faults(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        main([str(path)])
    with pytest.raises(UsageError, match="no such sweep file"):
        read_sweep(tmp_path / "none.yaml")
