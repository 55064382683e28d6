"""Annotation without its text: no word of the text in it, and the same articles once the text is there."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, read_jsonl, write_jsonl
from data.errors import DataError
from data.standoff import attach, detach, line_hash, main, read_standoff


def lines_of(articles: list[Article]) -> dict[str, str]:
    return {line_hash(line): line for a in articles for line in a.text.split("\n")}


def test_the_seeds_come_back_and_no_name_of_theirs_is_in_it(seeds: list[Article]) -> None:
    for article in seeds:
        record = detach(article)
        assert attach(json.loads(json.dumps(record)), lines_of(seeds)) == article
        stored = json.dumps(record, ensure_ascii=False)
        assert not [e.text for e in article.entities if not e.text.isascii() and e.text in stored]


def test_ids_and_empty_lines_are_no_words_of_the_text(tmp_path: Path) -> None:
    article = Article(id="甲院", text="甲院签约\n\n\u2028乙院")
    assert detach(article)["id"] == "甲院"
    (tmp_path / "bare.jsonl").write_text(json.dumps(detach(article), ensure_ascii=False) + "\n", encoding="utf-8")
    (tmp_path / "text.txt").write_text("\u2028乙院\n甲院签约\n", encoding="utf-8")
    assert read_standoff(tmp_path / "bare.jsonl", [tmp_path / "text.txt"]) == ([article], [])
    with pytest.raises(DataError, match="carriage return"):
        detach(replace(article, text="甲院\r\n"))


def test_an_article_without_its_lines_is_none(seeds: list[Article]) -> None:
    assert attach(detach(seeds[0]), lines_of(seeds[1:2])) is None


@given(st.text(st.sampled_from("甲乙\n\u2028a{ "), max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_any_text_comes_back(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    article = Article(id="a", text=text, publisher=text[start:end] or None, entities=(
        Entity(id="T1", char_start=start, char_end=end, label="DATE", text=text[start:end]),))
    assert attach(detach(article), lines_of([article])) == article


def test_written_and_read_with_a_part_of_the_text(seeds: list[Article], tmp_path: Path, call: Callable[..., Any]) -> None:
    write_jsonl(tmp_path / "gold.jsonl", seeds)
    assert call(main, "write", tmp_path / "gold.jsonl", tmp_path / "bare.jsonl").code == 0
    with lzma.open(tmp_path / "text.txt.xz", "wt", encoding="utf-8", newline="") as stream:
        stream.write("\n".join(reversed([line for a in seeds[1:] for line in a.text.split("\n")])))
    read = call(main, "read", tmp_path / "bare.jsonl", "--text", tmp_path / "text.txt.xz", "--output", tmp_path / "back.jsonl")
    assert read.code == 0 and seeds[0].id in read.err
    assert read_jsonl(tmp_path / "back.jsonl") == seeds[1:]


@pytest.mark.parametrize(("standoff", "problem"), [
    (json.dumps({**detach(Article(id="a", text="乙")), "entities": [{"id": "T1"}]}) + "\n", "a record is damaged"),
    ('{"id": "a"}\n', "no annotation without text"), ("no json\n", "no annotation without text"),
    (json.dumps(detach(Article(id="a", text="甲"))) + "\n", "none of its 1 articles")])
def test_what_cannot_be_read_is_told(tmp_path: Path, call: Callable[..., Any], standoff: str, problem: str) -> None:
    (tmp_path / "bare.jsonl").write_text(standoff, encoding="utf-8")
    (tmp_path / "text.txt").write_text("乙\n", encoding="utf-8")
    read = call(main, "read", tmp_path / "bare.jsonl", "--text", tmp_path / "text.txt", "--output", tmp_path / "back.jsonl")
    assert read.code == 1 and problem in read.err and not (tmp_path / "back.jsonl").exists()


def test_a_wrong_offset_is_a_fault_of_the_article(seeds: list[Article]) -> None:
    record = detach(replace(seeds[0], events=()))
    record["entities"][0]["end"] = "x"
    with pytest.raises(TypeError):
        attach(record, lines_of(seeds))


@pytest.mark.parametrize("path", sorted(Path("data/gold").glob("*.standoff.jsonl")), ids=lambda p: p.name)
def test_the_annotation_of_news_holds_none_of_its_text(path: Path) -> None:
    """Names of kinds, and the odd name that the text spells otherwise, are all the Chinese there is."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(records) >= 50 and all("text" not in r and r["lines"] and r["entities"] is not None for r in records)
    assert not any("text" in entity for r in records for entity in r["entities"])
    assert max(map(len, re.findall(r"[\u4e00-\u9fff]+", path.read_text(encoding="utf-8")))) < 12
