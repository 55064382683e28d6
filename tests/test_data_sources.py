"""Sources by form, splits that cover the corpus once, and faults of all files together."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.article import Article, Entity, write_jsonl
from data.errors import DataError, UsageError
from data.sources import read_corpus, read_source, read_sources, read_split


def notation(article_id: str, body: str = "{H:甲院}很好。") -> str:
    return f"@article {article_id}\n@text\n{body}\n@end\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "b.txt").write_text(notation("b-1") + notation("b-2"), encoding="utf-8")
    (folder / "a.txt").write_text(notation("a-1"), encoding="utf-8")
    (folder / "splits.yaml").write_text("dev: [b-1]\n", encoding="utf-8")
    return folder


def test_the_splits_cover_the_corpus_once(corpus: Path) -> None:
    assert [m.article.id for m in read_corpus(corpus)] == ["a-1", "b-1", "b-2"]
    assert [a.id for a in read_source(f"{corpus}@train")] == ["a-1", "b-2"]
    assert [a.id for a in read_source(f"{corpus}@dev")] == ["b-1"]


def test_sources_are_joined_without_the_excluded(corpus: Path, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "g.jsonl", [Article(id="g-1", text="x"), Article(id="g-2", text="y")])
    found = read_sources([str(tmp_path / "g.jsonl"), f"{corpus}@train"], exclude=["g-2", "a-1", "unknown"])
    assert [a.id for a in found] == ["g-1", "b-2"]
    assert read_sources([]) == []


def test_an_id_in_two_sources_is_refused(tmp_path: Path) -> None:
    for name in ("x.jsonl", "y.jsonl"):
        write_jsonl(tmp_path / name, [Article(id="same", text="x")])
    with pytest.raises(DataError, match="article ids stand twice: same"):
        read_sources([str(tmp_path / "x.jsonl"), str(tmp_path / "y.jsonl")])


def test_an_unknown_form_and_an_unknown_split_are_usage_faults(corpus: Path) -> None:
    with pytest.raises(UsageError, match="file or folder@split"):
        read_source("gold.csv")
    with pytest.raises(UsageError, match="expected the split train, dev or test, found 'trial'"):
        read_split(corpus, "trial")


def test_broken_gold_is_refused_with_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    write_jsonl(path, [Article(id="g", text="甲院", entities=(
        Entity(id="T1", char_start=0, char_end=9, label="HOSPITAL", text="甲院"),
        Entity(id="T2", char_start=0, char_end=1, label="HOSPITAL", text="乙")))])
    with pytest.raises(DataError) as caught:
        read_source(str(path))
    assert "0-9" in str(caught.value) and "found '乙'" in str(caught.value) and str(path) in str(caught.value)


def test_faults_of_all_notation_files_come_together(corpus: Path) -> None:
    (corpus / "c.txt").write_text(notation("c-1", "{X:甲}"), encoding="utf-8")
    (corpus / "d.txt").write_text(notation("d-1", "{H:甲"), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_source(f"{corpus}@train")
    assert "c.txt:3" in str(caught.value) and "d.txt:3" in str(caught.value) and "corpus_check" in str(caught.value)


def test_a_folder_without_notation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no notation files"):
        read_source(f"{tmp_path}@train")


def test_a_folder_without_splits_is_refused(corpus: Path) -> None:
    (corpus / "splits.yaml").unlink()
    with pytest.raises((DataError, UsageError)):
        read_source(f"{corpus}@train")


def test_a_split_that_names_an_unknown_article_is_refused(corpus: Path) -> None:
    (corpus / "splits.yaml").write_text("dev: [b-l]\n", encoding="utf-8")
    with pytest.raises((DataError, UsageError)):
        read_source(f"{corpus}@dev")
