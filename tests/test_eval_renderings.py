"""Noisy renderings keep gold right, and what noise costs is measured against the clean articles."""

from __future__ import annotations

from pathlib import Path

from data.article import Article, write_jsonl
from data.schema import Schema, restrict
from data.validate import validate_articles
from eval.renderings import RENDERINGS, main, render, score_renderings, table
from models.rules import RulePredictor


def test_every_rendering_is_valid_differs_and_comes_out_the_same_again(seeds: list[Article], hospital: Schema) -> None:
    given = [restrict(a, hospital) for a in seeds]
    for title, kinds in RENDERINGS.items():
        rendered = render(given, kinds, hospital)
        assert validate_articles(rendered, hospital) == []
        assert rendered == render(given, kinds, hospital)
        assert (rendered == given) == (title == "as given")


def test_scores_and_table(seeds: list[Article], hospital: Schema) -> None:
    given = [restrict(a, hospital) for a in seeds]
    scores = score_renderings(RulePredictor.from_articles([], hospital).predict, given, hospital)
    assert list(scores) == list(RENDERINGS)
    lines = table(scores).splitlines()
    f1 = scores["as given"]["entities"]["micro"]["f1"]
    assert f1 > 0.5 and len(lines) == 2 + len(RENDERINGS)
    assert lines[2].startswith(f"| as given | {f1:.3f} | +0.000 |") and "+0.000 |" not in lines[-1]


def test_the_command_writes_its_table(run_folder: Path, tmp_path: Path, marked, call) -> None:
    gold = tmp_path / "gold.jsonl"
    write_jsonl(gold, [marked("{H1:威海市中医院}与{H2:威海市中心医院}签约。")])
    said = call(main, "--model", run_folder, "--data", gold, "--report", tmp_path)
    assert said.code == 0 and (tmp_path / "renderings.md").read_text(encoding="utf-8").strip() in said.out
