"""The ceiling of the document step: gold relations in, events scored."""

from __future__ import annotations

from pathlib import Path

from data.article import Article, write_jsonl
from data.schema import Schema
from eval.document_step import main, score_document_step


def test_each_source_is_scored_apart(seeds: list[Article], tmp_path: Path, call) -> None:
    write_jsonl(tmp_path / "one.jsonl", seeds[:1])
    said = call(main, "--data", tmp_path / "one.jsonl", "--data", "data/gold/seeds.jsonl", "--schema", "configs/schema/hospital.yaml")
    assert said.code == 0 and said.out.count("(hospital)") == 2
    lines = [line.split() for line in said.out.splitlines()]
    assert ["record", "1.000", "F1", "(1)"] in lines and ["record", "1.000", "F1", "(6)"] in lines
    assert call(main, "--data", tmp_path / "none.jsonl").code == 1 and call(main).code == 2


def test_what_the_gold_relations_lack_is_lost(seeds: list[Article], hospital: Schema) -> None:
    from dataclasses import replace

    bare = [replace(a, relations=()) for a in seeds]
    assert score_document_step(bare, hospital)["parties"] == (0.0, 6)
