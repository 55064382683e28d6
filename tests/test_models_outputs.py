"""Tables for people: one row per event, nothing that a spreadsheet would run, every format the same events."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from pyarrow import parquet

from data.article import Article, Event, Link, LinkCandidate, Signatory, article_from_dict, article_to_dict
from data.errors import UsageError
from models import outputs
from models.outputs import COLUMNS, format_of, kind_of_lines, lines_of, safe_cell, write_csv, write_output

TEXT = "=甲院与乙院签署\n协议。张三签字。"
ARTICLE = Article(id="n1", text=TEXT, published="2024-01-02", publisher="+某报", events=(
    Event(parties=("=甲院", "乙院"), other_parties=("丙公司",), date="2024-01", agreement="@协议", kind="医联体", status="signed", score=0.9,
          signatories=(Signatory(person="张三", roles=("院长", "书记"), hospital="=甲院"), Signatory(person="-李四")), sentences=((0, 12), (12, 17)),
          evidence=("T1",), links=(Link(name="乙院", kind="exact", id="H1", best=LinkCandidate(id="H1", name="乙院", score=1.0)),)),
    Event(parties=("乙院",))))
LONE = Article(id="n2", text="甲\ud83d院", events=(Event(parties=("甲\ud83d院",)),))


def rows_of(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
    return [["" if cell is None else str(cell) for cell in row] for row in load_workbook(path)["events"].iter_rows(values_only=True)]


def write(path: Path, articles: list[Article], *, events_only: bool = False) -> Counter[str]:
    changed: Counter[str] = Counter()
    form = format_of(str(path), None)
    kind = kind_of_lines(form, events_only=events_only)
    write_output((line for a in articles for line in lines_of(a, kind, source="f.txt: line 3")), str(path), form, kind, changed)
    return changed


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_one_row_per_event_for_people(tmp_path: Path, name: str) -> None:
    changed = write(tmp_path / name, [ARTICLE, LONE])
    header, first, second, third = rows_of(tmp_path / name)
    assert tuple(header) == COLUMNS
    row = dict(zip(header, first, strict=True))
    assert row["parties"] == "'=甲院; 乙院" and row["signatories"] == "张三 (=甲院); -李四" and row["posts"] == "张三: 院长、书记"
    assert (row["publisher"], row["agreement"], row["date"], row["kind"]) == ("'+某报", "'@协议", "2024-01", "医联体")
    assert (row["confidence"], row["source"], row["register"]) == ("0.9", "f.txt: line 3", "乙院 = H1")
    assert row["evidence"] == "'=甲院与乙院签署 协议。 … 张三签字。"
    assert second[3] == "乙院" and third[3] == "甲\ufffd院"
    assert changed == {"cells neutralised": 5}


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    cell = safe_cell(text, Counter())
    assert cell.lstrip()[:1] not in tuple("=+-@＝＋－＠") and cell[:1] not in ("\t", "\r")
    cell.encode("utf-8")
    assert safe_cell(0.5, Counter()) == 0.5 and safe_cell(None, Counter()) is None


def test_xlsx_cuts_what_a_cell_cannot_hold_and_begins_new_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "XLSX_ROWS", 3)
    long = Article(id="l", text="医" * 40_000, events=(Event(parties=("甲",), sentences=((0, 40_000),)),))
    assert write(tmp_path / "a.xlsx", [long, ARTICLE, ARTICLE]) ["cells cut to what XLSX holds"] == 1
    book = load_workbook(tmp_path / "a.xlsx")
    assert [(s.title, s.max_row) for s in book] == [("events", 3), ("events 2", 3), ("events 3", 2)]
    assert len(book["events"].cell(2, len(COLUMNS)).value) == 32_767
    write(tmp_path / "none.xlsx", [])
    assert [s.max_row for s in load_workbook(tmp_path / "none.xlsx")] == [1]


def test_parquet_holds_what_jsonl_holds(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [ARTICLE, LONE])
    first, second = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    for event in first["events"]:
        event["links"] = {link.pop("name"): link for link in event["links"]}
    assert article_from_dict(first) == article_from_dict(article_to_dict(ARTICLE))
    assert second["text"] == "甲\ufffd院"
    write(tmp_path / "e.parquet", [ARTICLE], events_only=True)
    assert [e["parties"] for e in parquet.read_table(tmp_path / "e.parquet").to_pylist()] == [["=甲院", "乙院"], ["乙院"]]


def test_jsonl_lines(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [ARTICLE, LONE])
    read = [article_from_dict(json.loads(line)) for line in (tmp_path / "a.jsonl").open(encoding="utf-8")]
    assert read[0] == ARTICLE and read[1].text == "甲\ufffd院" and read[1].events[0].parties == ("甲\ufffd院",)
    write(tmp_path / "e.jsonl", [ARTICLE], events_only=True)
    assert [json.loads(line)["article"] for line in (tmp_path / "e.jsonl").open(encoding="utf-8")] == ["n1", "n1"]


def test_the_format_comes_from_the_suffix_or_the_option() -> None:
    assert [format_of(p, None) for p in ("a.csv", "a.XLSX", "a.txt", "-", "a")] == ["csv", "xlsx", "jsonl", "jsonl", "jsonl"]
    assert format_of("a.csv", "parquet") == "parquet" and format_of("-", "csv") == "csv"
    with pytest.raises(UsageError, match="cannot be written to standard output"):
        format_of("-", "xlsx")
    stream = io.StringIO()
    write_csv([], stream, Counter())
    assert stream.getvalue() == ",".join(COLUMNS) + "\n"
