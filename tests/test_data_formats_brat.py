"""brat standoff, as the tool writes it and as we do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.article import Article, Entity
from data.errors import DataError, UsageError
from data.formats.base import Ledger
from data.formats.registry import FORMATS, read_articles


def spans(article: Article) -> list[tuple[str, str]]:
    return [(e.text, e.label) for e in article.entities]


def places(ledger: Ledger) -> list[str]:
    return [f.place for f in ledger.faults]


def brat_pair(folder: Path, text: str, annotation: str, name: str = "a") -> None:
    (folder / f"{name}.txt").write_bytes(text.encode("utf-8"))
    (folder / f"{name}.ann").write_bytes(annotation.encode("utf-8"))


def test_brat_as_the_tool_writes_it(tmp_path: Path) -> None:
    brat_pair(tmp_path, "甲市\r\n医院与😀乙院签约", "T1\tORG 0 6\t甲市  医院\nT2\tORG 8 10\t乙院\nR1\tSIGNED Arg1:T1 Arg2:T2\t\n"
              "E1\tSign:T1 Who:T2\nA1\tNegated E1\n#1\tAnnotatorNotes T1\t看\n*\tAlias T1 T2\nT3\tORG 0 2;4 6\t甲市 医院\n"
              "T4\tORG 7 9\t乙院\nT5 broken\nR2\tSIGNED Arg1:T1 Arg2:T9\n")
    (tmp_path / "plain.txt").write_text("没有标注", encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xb0\xa1")
    (tmp_path / "lone.ann").write_text("", encoding="utf-8")
    ledger = Ledger(source="x")
    found = list(read_articles("brat", tmp_path, ledger))
    assert [a.id for a in found] == ["a", "plain"]
    assert spans(found[0]) == [("甲市\r\n医院", "ORG"), ("乙院", "ORG")]
    assert [(r.type, r.head, r.tail) for r in found[0].relations] == [("SIGNED", "T1", "T2")]
    assert places(ledger) == ["a.ann: line 10", "a.txt", "bad.txt"]
    assert "expected '😀乙', found '乙院'" in ledger.faults[1].reason
    assert ledger.counts == {"brat events": 1, "brat attributes": 1, "brat notes": 1, "brat equivalences": 1,
                             "spans in several pieces": 1, "relations that lost an end": 1, ".ann files without a .txt": 1}


@pytest.mark.parametrize("suffix", [".txt", ".ann"])
def test_one_brat_pair(tmp_path: Path, suffix: str) -> None:
    brat_pair(tmp_path, "乙院", "T1\tORG 0 2\t乙院\n")
    brat_pair(tmp_path, "丙院", "", name="b")
    found = list(read_articles("brat", tmp_path / f"a{suffix}", Ledger(source="x")))
    assert [a.text for a in found] == ["乙院"]
    write = FORMATS["brat"].write
    assert write is not None
    write(tmp_path / f"new{suffix}", found, Ledger(source="x"))
    assert (tmp_path / "new.txt").read_text() == "乙院" and (tmp_path / "new.ann").read_text() == "T1\tORG 0 2\t乙院\n"
    with pytest.raises(UsageError, match="give a folder"):
        write(tmp_path / "two.ann", [found[0], found[0]], Ledger(source="x"))


def test_brat_names_stay_in_the_folder_and_ids_are_counted(tmp_path: Path) -> None:
    entity = Entity(id="e1", char_start=0, char_end=2, label="职 务", text="院长")
    strange = [Article(id="../../etc/x", text="院长", entities=(entity,)), Article(id="长" * 300, text="院长")]
    ledger = Ledger(source="x")
    write = FORMATS["brat"].write
    assert write is not None
    write(tmp_path / "out", strange, ledger)
    assert len(list((tmp_path / "out").iterdir())) == 4 and [p.name for p in tmp_path.iterdir()] == ["out"]
    assert ledger.counts == {"entity ids that are not of the form T1": 1, "labels with white space, now _": 1,
                             "article ids too long for a file name": 1}
    with pytest.raises(DataError, match="same file name"):
        write(tmp_path / "out2", [replace(strange[0], id="a"), replace(strange[0], id="A")], ledger)


def test_a_missing_pair(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "a.ann"):
        with pytest.raises(DataError, match=r"NAME\.txt"):
            list(read_articles("brat", path, Ledger(source="x")))
