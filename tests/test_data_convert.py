"""The command: what was read, what was lost, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.article import read_jsonl
from data.convert import SHOWN_FAULTS, main
from data.formats.registry import FORMATS, WRITABLE

COLUMNS = "城 B-ORG\n东 I-ORG\n院 I-ORG\n来 O\n\n坏\n林 B-PER\n强 I-PER\n"


@pytest.fixture
def columns(tmp_path: Path) -> Path:
    path = tmp_path / "train.bio"
    path.write_text(COLUMNS, encoding="utf-8")
    return path


def test_good_lines_are_kept_and_bad_ones_named(tmp_path: Path, columns: Path, call: Callable[..., Any]) -> None:
    said = call(main, "--from", "msra", "--to", "jsonl", columns, tmp_path / "out.jsonl")
    assert said.code == 0
    assert said.out == f"{columns}: read 2 articles, 2 entities, 0 relations; 1 faults\nwritten: {tmp_path / 'out.jsonl'}\n"
    assert said.err == f"skipped: {columns}: line 6: expected a character and its tag, found '坏'\n"
    assert [(a.text, [e.text for e in a.entities]) for a in read_jsonl(tmp_path / "out.jsonl")] == [("城东院来", ["城东院"]), ("林强", ["林强"])]


def test_what_a_format_cannot_hold_is_said(tmp_path: Path, call: Callable[..., Any]) -> None:
    said = call(main, "--from", "jsonl", "--to", "conll", "data/gold/seeds.jsonl", tmp_path / "seeds.conll")
    assert said.code == 0
    relations = sum(len(a.relations) for a in read_jsonl("data/gold/seeds.jsonl"))
    assert f"note: data/gold/seeds.jsonl: {relations} relations\n" in said.err and ": 6 events\n" in said.err


@pytest.mark.parametrize("target", WRITABLE)
def test_every_format_can_be_written_and_read_back(tmp_path: Path, columns: Path, call: Callable[..., Any], target: str) -> None:
    assert call(main, "--from", "conll", "--to", target, columns, tmp_path / "there").code == 0
    said = call(main, "--from", target, "--to", "jsonl", tmp_path / "there", tmp_path / "back.jsonl")
    assert said.code == 0 and [(a.id, a.text) for a in read_jsonl(tmp_path / "back.jsonl")] == [("train-1", "城东院来"), ("train-2", "林强")]


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_read_is_a_failure_and_writes_nothing(tmp_path: Path, call: Callable[..., Any], name: str) -> None:
    (tmp_path / "empty").write_text("", encoding="utf-8")
    for path in (tmp_path / "empty", tmp_path / "none"):
        said = call(main, "--from", name, "--to", "jsonl", path, tmp_path / "out.jsonl")
        assert said.code == 1 and said.err.count("error: ") == 1 and "repair: " in said.err and "Traceback" not in said.err
        assert str(path) in said.err
    assert not (tmp_path / "out.jsonl").exists()


def test_the_wrong_format_is_told_without_a_flood(tmp_path: Path, columns: Path, call: Callable[..., Any]) -> None:
    columns.write_text(COLUMNS * 100, encoding="utf-8")
    said = call(main, "--from", "duie", "--to", "jsonl", columns, tmp_path / "out.jsonl")
    assert said.code == 1 and said.err.count("skipped: ") == SHOWN_FAULTS + 1
    assert "skipped: " + f"{columns}: {COLUMNS.count(chr(10)) * 100 - 100 - SHOWN_FAULTS} more like these" in said.err


@pytest.mark.parametrize("arguments", [[], ["--from", "jsonl", "--to", "cluener", "a", "b"], ["--from", "xml", "--to", "jsonl", "a", "b"]])
def test_wrong_usage(call: Callable[..., Any], arguments: list[str]) -> None:
    said = call(main, *arguments)
    assert said.code == 2 and "usage: python -m data.convert" in said.err


def test_an_output_that_cannot_be_written(tmp_path: Path, columns: Path, call: Callable[..., Any]) -> None:
    said = call(main, "--from", "msra", "--to", "jsonl", columns, tmp_path)
    assert said.code == 1 and "found a folder" in said.err


def test_label_studio_export_to_gold(tmp_path: Path, call: Callable[..., Any]) -> None:
    task = {"data": {"id": "n-1", "text": "甲院与乙院签约", "published": "2024-05-01"}, "annotations": [{"result": [
        {"id": "r1", "type": "labels", "value": {"start": 0, "end": 2, "labels": ["HOSPITAL"]}},
        {"id": "r2", "type": "labels", "value": {"start": 3, "end": 5, "labels": ["HOSPITAL"]}},
        {"type": "relation", "from_id": "r1", "to_id": "r2", "labels": ["SIGNED_WITH"]}]}]}
    (tmp_path / "export.json").write_text(json.dumps([task]), encoding="utf-8")
    assert call(main, "--from", "label-studio", "--to", "jsonl", tmp_path / "export.json", tmp_path / "gold.jsonl").code == 0
    [article] = read_jsonl(tmp_path / "gold.jsonl")
    assert (article.id, article.published) == ("n-1", "2024-05-01")
    assert [e.text for e in article.entities] == ["甲院", "乙院"] and article.relations[0].type == "SIGNED_WITH"


def test_help_lists_every_format(call: Callable[..., Any]) -> None:
    said = call(main, "--help")
    assert said.code == 0 and all(f"\n  {name} " in said.out for name in FORMATS) and "examples:" in said.out
