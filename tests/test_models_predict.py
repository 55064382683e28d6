"""``models.predict``: files in, JSONL out, on the raw text; what cannot be read is told and costs nothing beside it."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.article import Article, article_to_dict, read_jsonl, write_jsonl
from data.validate import validate_articles
from models.document import Predictor
from models.predict import main, parse_arguments
from models.run_folder import load_predictor

TEXT = "11月8日，甲市中心医院与乙县人民医院签署战略合作协议，院长张三签字。"


@pytest.fixture
def article_file(tmp_path: Path) -> Path:
    path = tmp_path / "one.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_text_in_jsonl_out(run_folder: Path, tmp_path: Path, article_file: Path, predictor: Predictor, call) -> None:
    out = tmp_path / "deep" / "out.jsonl"
    said = call(main, "--model", run_folder, "--input", article_file, "--output", out)
    assert said.code == 0 and "1 articles" in said.err and "0 inputs that could not be read" in said.err
    found, = read_jsonl(out)
    assert (found.id, found.text, found.model) == ("one", TEXT, "untrained") and found.entities
    assert validate_articles([found]) == []
    again, = load_predictor(run_folder).predict([Article(id="one", text=TEXT)])
    assert article_to_dict(found) == article_to_dict(again)
    assert sorted(p.name for p in out.parent.iterdir()) == ["out.jsonl", "out.summary.json"]


def test_jsonl_in_keeps_ids_dates_and_raw_text(run_folder: Path, tmp_path: Path, seeds: list[Article], call) -> None:
    given = [Article(id=a.id, text=a.text[:200], published=a.published, publisher=a.publisher) for a in seeds]
    write_jsonl(tmp_path / "in.jsonl", given)
    call(main, "--model", run_folder, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl")
    found = read_jsonl(tmp_path / "out.jsonl")
    assert [a.without_annotation() for a in found] == given
    assert all(a.text[e.char_start : e.char_end] == e.text for a in found for e in a.entities)


def test_folders_globs_and_gz_in_order_each_once(run_folder: Path, tmp_path: Path, article_file: Path, call) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "b.txt").write_text("乙院。", encoding="utf-8")
    (folder / "a.txt.gz").write_bytes(gzip.compress("甲院。".encode()))
    said = call(main, "--model", run_folder, "--input", article_file, folder, f"{folder}/*.txt", "--output", "-")
    assert said.code == 0
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == ["one", "a", "b"]


def test_standard_input_and_output(run_folder: Path, monkeypatch: pytest.MonkeyPatch, call) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode("gb18030"))))
    said = call(main, "--model", run_folder, "--input", "-", "--output", "-")
    record = json.loads(said.out)
    assert record["text"] == TEXT and record["id"] == "stdin" and said.code == 0


def test_events_only(run_folder: Path, article_file: Path, predictor: Predictor, call) -> None:
    said = call(main, "--model", run_folder, "--input", article_file, "--output", "-", "--events-only")
    lines = [json.loads(line) for line in said.out.splitlines()]
    again, = load_predictor(run_folder).predict([Article(id="one", text=TEXT)])
    assert [{"article": "one", "published": None, "publisher": None, **e} for e in article_to_dict(again)["events"]] == lines
    assert lines and all("parties" in line and "text" not in line for line in lines)


def test_a_register_links_the_parties_of_events(run_folder: Path, tmp_path: Path, article_file: Path, predictor: Predictor, call) -> None:
    again, = load_predictor(run_folder).predict([Article(id="one", text=TEXT)])
    name = again.events[0].parties[0]
    register = tmp_path / "hospitals.csv"
    register.write_text(f"id,name\nH1,{name}\n,无号医院\n", encoding="utf-8")
    out = tmp_path / "out.jsonl"
    said = call(main, "--model", run_folder, "--input", article_file, "--output", out, "--register", register)
    assert said.code == 0 and "line 3: no id" in said.err and "register: 1 exact" in said.err
    found, = read_jsonl(out)
    assert validate_articles([found]) == []
    assert [link.id for link in found.events[0].links if link.name == name] == ["H1"]
    assert [e.parties for e in found.events] == [e.parties for e in again.events] and not again.events[0].links
    assert call(main, "--model", run_folder, "--input", article_file, "--output", out, "--register", tmp_path / "none.csv").code == 1


def test_what_cannot_be_read_is_told_and_the_rest_is_read(run_folder: Path, tmp_path: Path, article_file: Path, call) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "broken.jsonl").write_text('{"id": "x", "text": "甲院。"}\n{oops\n', encoding="utf-8")
    said = call(main, "--model", run_folder, "--input", tmp_path / "empty.txt", article_file, tmp_path / "broken.jsonl",
                tmp_path / "none.txt", "--output", tmp_path / "out.jsonl")
    assert said.code == 0 and "3 inputs that could not be read" in said.err and "Traceback" not in said.err
    for place in ("empty.txt", "broken.jsonl: line 2", "none.txt"):
        assert f"{tmp_path / place.partition(':')[0]}" in said.err and place in said.err
    assert [a.id for a in read_jsonl(tmp_path / "out.jsonl")] == ["one", "x"]


@pytest.mark.parametrize("output", ["file", "-"])
def test_nothing_readable_fails_and_writes_nothing(run_folder: Path, tmp_path: Path, call, output: str) -> None:
    target = tmp_path / "out" / "o.jsonl"
    said = call(main, "--model", run_folder, "--input", tmp_path / "none.txt", "--output", target if output == "file" else "-")
    assert said.code == 1 and "none.txt" in said.err and said.out == ""
    assert not target.parent.exists() or list(target.parent.iterdir()) == []


def test_an_old_result_survives_a_failed_run(run_folder: Path, tmp_path: Path, call) -> None:
    out = tmp_path / "o.jsonl"
    out.write_text("old", encoding="utf-8")
    assert call(main, "--model", run_folder, "--input", tmp_path / "none.txt", "--output", out).code == 1
    assert out.read_text(encoding="utf-8") == "old"


def test_arguments(call) -> None:
    assert parse_arguments(["--model", "m", "--input", "a", "b", "--output", "o"]).input == ["a", "b"]
    assert call(main, "--model", "m").code == 2
    said = call(main, "--help")
    assert said.code == 0 and "examples:" in said.out


def test_a_lone_surrogate_costs_at_most_its_article(run_folder: Path, tmp_path: Path, call) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": "a", "text": "甲院\\ud83d与乙院"}\n{"id": "b", "text": "丙院"}\n', encoding="utf-8")
    said = call(main, "--model", run_folder, "--input", path, "--output", tmp_path / "out.jsonl")
    assert said.code == 0 and [a.text for a in read_jsonl(tmp_path / "out.jsonl")] == ["甲院\ufffd与乙院", "丙院"]
    assert "1 lone surrogates replaced" in said.err


@pytest.mark.parametrize("field", ["published", "publisher"])
def test_metadata_of_a_wrong_type_costs_only_its_line(run_folder: Path, tmp_path: Path, call, field: str) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps({"id": "a", "text": TEXT, field: 20241108}) + '\n{"id": "b", "text": "丙院"}\n', encoding="utf-8")
    said = call(main, "--model", run_folder, "--input", path, "--output", tmp_path / "out.jsonl")
    assert said.code == 0 and "line 1" in said.err
