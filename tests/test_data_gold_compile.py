"""The gold of the seeds is the compilation of its notation, and its texts are the raw files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from data.article import Article, dump_line
from data.errors import DataError
from data.gold_compile import compile_gold, main


@pytest.mark.parametrize("name", ["seeds", "passes/a", "passes/b"])
def test_the_gold_equals_its_compilation(name: str) -> None:
    lines = [dump_line(a) for a in compile_gold(Path(f"data/gold/{name}.txt"))]
    assert Path(f"data/gold/{name}.jsonl").read_text(encoding="utf-8").splitlines() == lines


def test_every_mention_is_its_text(seeds: list[Article]) -> None:
    assert len(seeds) == 5
    for article in seeds:
        assert article.entities
        for e in article.entities:
            assert article.text[e.char_start : e.char_end] == e.text
            assert e.text == e.text.strip() and e.text


def test_the_texts_are_the_raw_files_byte_for_byte(seeds: list[Article]) -> None:
    manifest = json.loads(Path("data/articles/manifest.json").read_text(encoding="utf-8"))
    named = json.dumps(manifest)
    for article in seeds:
        raw = Path(f"data/articles/{article.id}.txt").read_bytes()
        assert article.text.encode("utf-8") == raw
        assert hashlib.sha256(raw).hexdigest() in named


def test_the_gold_holds_what_the_seeds_say(seeds: list[Article]) -> None:
    by_id = {a.id[:3]: a for a in seeds}
    assert [sorted({*v.parties}) for v in by_id["000"].events] == [["威海市中医院", "威海市中心医院"]]
    assert by_id["000"].events[0].date == "2024-11-08"
    assert {s.person for s in by_id["001"].events[0].signatories} == {"马万里", "张晓慧"}
    assert len(by_id["002"].events) == 2 and {v.date for v in by_id["002"].events} == {"XXXX-01-15"}
    assert by_id["004"].events[0].status == "planned"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_bytes("甲院很好。\n\n".encode())
    return tmp_path


def test_line_breaks_at_the_end_come_from_the_raw_file(folder: Path) -> None:
    notation = folder / "n.txt"
    notation.write_text("@article a\n@text\n{H:甲院}很好。\n@end\n", encoding="utf-8")
    article, = compile_gold(notation, folder)
    assert article.text == "甲院很好。\n\n"


def test_a_body_that_differs_is_refused_at_the_first_difference(folder: Path) -> None:
    notation = folder / "n.txt"
    notation.write_text("@article a\n@text\n{H:甲院}不好。\n@end\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        compile_gold(notation, folder)
    message = str(caught.value)
    assert "n.txt:1" in message and "differs from the raw file at 2" in message
    assert "expected '很好" in message and "found '不好。'" in message


def test_the_command_writes_the_same_file(tmp_path: Path, call) -> None:
    out = tmp_path / "out" / "seeds.jsonl"
    said = call(main, "data/gold/seeds.txt", out)
    assert said.code == 0 and "5 articles, 344 entities, 180 relations, 6 events" in said.out
    assert out.read_bytes() == Path("data/gold/seeds.jsonl").read_bytes()


def test_the_command_writes_nothing_of_faulty_notation(tmp_path: Path, call) -> None:
    notation, out = tmp_path / "n.txt", tmp_path / "out.jsonl"
    notation.write_text("@article a\n@text\n{H:甲院\n@end\n", encoding="utf-8")
    said = call(main, notation, out)
    assert said.code == 1 and "n.txt:3" in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["n.txt"]


@pytest.mark.parametrize("missing", ["notation", "article"])
def test_a_missing_file_is_told(tmp_path: Path, call, missing: str) -> None:
    notation = tmp_path / "n.txt"
    if missing == "article":
        notation.write_text("@article no-such-article\n@text\nx\n@end\n", encoding="utf-8")
    said = call(main, notation, tmp_path / "out.jsonl")
    assert said.code == 1 and ("no-such-article" in said.err if missing == "article" else str(notation) in said.err)
