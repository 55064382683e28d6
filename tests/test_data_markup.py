"""The notation compiles to exact offsets, and every fault names its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.article import Article, Event, Relation, Signatory
from data.clean import surface
from data.corpus_check import passages
from data.errors import DataError
from data.markup import EDTF_LEVEL_1, LABEL_OF_LETTER, read_marked

EXAMPLE = """# a comment
@article wh-001
@published 2024-11-08
@publisher 临沂市中心医院
@cells agreement=战略合作 voice=official parties=full,one-to-one
@alias 临沂市中心医院 = 我院
@event 临沂市中心医院 + 沂南县人民医院 | date 2024-11-08 | agreement 战略合作协议 | kind 战略合作 | status signed
@sign 张三 (院长、党委书记) @ 临沂市中心医院
@text
欢迎来到{H:临沂市中心医院}

{D1:11月8日}，{H1:我院}与{H2:沂南县人民医院}签署战略合作协议，{R1:院长}{P1:张三}签字。{O1:市卫健委}见证。
> H1 + H2; H1 H2 on D1; P1 for H1; P1 = R1; P1 @ H1
@end
"""


def compile_text(folder: Path, text: str) -> list:
    path = folder / "n.txt"
    path.write_text(text, encoding="utf-8")
    return read_marked(path, surface=surface)


def test_the_example_of_the_notation(tmp_path: Path) -> None:
    marked, = compile_text(tmp_path, EXAMPLE)
    article = marked.article
    assert (article.id, article.published, article.publisher) == ("wh-001", "2024-11-08", "临沂市中心医院")
    assert article.text == ("欢迎来到临沂市中心医院\n\n11月8日，我院与沂南县人民医院签署战略合作协议，院长张三签字。市卫健委见证。")
    assert [(e.label, e.text) for e in article.entities] == [
        ("HOSPITAL", "临沂市中心医院"), ("DATE", "11月8日"), ("HOSPITAL", "我院"), ("HOSPITAL", "沂南县人民医院"),
        ("ROLE", "院长"), ("PERSON", "张三"), ("ORG", "市卫健委")]
    assert all(article.text[e.char_start : e.char_end] == e.text for e in article.entities)
    day, we, other, post, person = (e.id for e in article.entities[1:6])
    assert article.relations == (
        Relation(type="SIGNED_WITH", head=we, tail=other), Relation(type="SIGNED_ON", head=we, tail=day),
        Relation(type="SIGNED_ON", head=other, tail=day), Relation(type="SIGNED_FOR", head=person, tail=we),
        Relation(type="HOLDS_ROLE", head=person, tail=post), Relation(type="WORKS_AT", head=person, tail=we))
    assert article.events == (Event(
        parties=("临沂市中心医院", "沂南县人民医院"), signatories=(
            Signatory(person="张三", roles=("院长", "党委书记"), hospital="临沂市中心医院"),),
        date="2024-11-08", agreement="战略合作协议", evidence=(day, we, other, post, person), kind="战略合作", status="signed"),)
    assert article.clusters[0] == (article.entities[0].id, we)
    assert marked.cells == {"agreement": ("战略合作",), "voice": ("official",), "parties": ("full", "one-to-one")}
    assert marked.aliases == (("临沂市中心医院", "我院"),)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.lists(st.tuples(st.sampled_from(["", *LABEL_OF_LETTER]), st.text("甲乙丙院(yī)𠮷1", min_size=1, max_size=5)),
                         max_size=6), min_size=1, max_size=4))
def test_offsets_are_exact_whatever_stands_between(tmp_path: Path, lines: list[list[tuple[str, str]]]) -> None:
    body = "\n".join("。".join(f"{{{letter}:{text}}}" if letter else text for letter, text in line) for line in lines)
    plain = "\n".join("。".join(text for _, text in line) for line in lines)
    marked, = compile_text(tmp_path, f"@article a\n@text\n{body}\n@end\n")
    assert marked.article.text == plain
    wanted = [(LABEL_OF_LETTER[letter], text) for line in lines for letter, text in line if letter]
    assert [(e.label, e.text) for e in marked.article.entities] == wanted
    assert all(plain[e.char_start : e.char_end] == e.text for e in marked.article.entities)


def test_three_names_mean_every_pair_and_several_ids_each_with_each(marked) -> None:
    article = marked("{H1:甲院}、{H2:乙院}和{H3:丙院}，{P1:张三}{P2:李四}{R1:记者}{R2:编辑}\n> P1 P2 = R1 R2")
    names = {e.id: e.text for e in article.entities}
    assert [(names[r.head], names[r.tail]) for r in article.relations] == [
        ("张三", "记者"), ("张三", "编辑"), ("李四", "记者"), ("李四", "编辑")]
    article = marked("{H1:甲院}、{H2:乙院}和{H3:丙院}\n> H3 + H1 + H2",
                     "@event 甲院 + 乙院 + 丙院 | kind other | status signed")
    names = {e.id: e.text for e in article.entities}
    assert {(names[r.head], names[r.tail]) for r in article.relations} == {
        ("甲院", "乙院"), ("甲院", "丙院"), ("乙院", "丙院")}
    assert len(article.relations) == 3


def test_a_symmetric_relation_is_stored_head_first(marked) -> None:
    article = marked("{H1:甲院}与{H2:乙院}\n> H2 + H1", "@event 甲院 + 乙院 | kind other | status signed")
    assert article.relations == (Relation(type="SIGNED_WITH", head="T1", tail="T2"),)


HEAD = "@article a\n@text\n"
FAULTS = [
    ("hello\n", 1, "expected @article"),
    ("@article a\n@publishd 2024\n@text\nx\n@end\n", 2, "unknown header @publishd"),
    ("@article a\n@event 甲 + 乙 | kind 不明 | status signed\n@text\n{H:甲}{H:乙}\n@end\n", 2, "expected kind among"),
    ("@article a\n@event 甲 + 乙 | kind other | status maybe\n@text\n{H:甲}{H:乙}\n@end\n", 2, "expected status among"),
    ("@article a\n@event 甲 + 乙 | kind other | status signed | when x\n@text\n{H:甲}{H:乙}\n@end\n", 2, "unknown event field 'when'"),
    ("@article a\n@event 甲 + 乙 | kind other | status signed | date 8.11.\n@text\n{H:甲}{H:乙}\n@end\n", 2, "expected an EDTF date"),
    ("@article a\n@event 甲 + 乙 | kind other | status signed\n@text\n{H:甲}\n@end\n", 2, "乙 is no canonical name"),
    ("@article a\n@event 甲 | kind other | status signed\n@text\n{H:甲}\n@end\n", 2, "expected two parties or more"),
    ("@article a\n@sign 张三 @ 甲\n@text\n{P:张三}\n@end\n", 2, "below an @event"),
    ("@article a\n@alias 甲院 = 乙院\n@text\n{H:甲院}\n@end\n", 1, "alias 乙院 is no mention"),
    (HEAD + "{H1:甲院}{H1:乙院}\n@end\n", 3, "H1 stands twice"),
    (HEAD + "{H1:甲院\n@end\n", 3, "stray '{'"),
    (HEAD + "{X1:甲院}\n@end\n", 3, "stray '{'"),
    (HEAD + "{H1:{P:甲}院}\n@end\n", 3, "stray '{'"),
    (HEAD + "{H1:甲院，}\n@end\n", 3, "starts or ends with a space or punctuation"),
    (HEAD + "{H1:甲院}\n> H1 + H2\n@end\n", 4, "no mention H2"),
    (HEAD + "{H1:甲院}\n> H1 likes H1\n@end\n", 4, "expected one of"),
    (HEAD + "{P1:张三}\n> P1 =\n@end\n", 4, "expected ids on both sides"),
    (HEAD + "{P1:张三}{H1:甲}\n> P1 = H1\n@end\n", 4, "HOLDS_ROLE goes from P to R"),
    (HEAD + "{P1:张三}{H1:甲}\n> P1 @ H1; P1 @ H1\n@end\n", 4, "stands twice"),
    (HEAD + "{H1:甲}{H2:乙}\n> H1 + H2\n@end\n", 1, "there is no @event"),
    (HEAD + "x\n", 1, "no @end"),
    (HEAD + "@end\n", 1, "the article has no text"),
    ("@article a\n@article b\n@text\nx\n@end\n", 2, "@article before the @end of a"),
]


@pytest.mark.parametrize(("text", "line", "reason"), FAULTS, ids=[reason for _, _, reason in FAULTS])
def test_a_fault_names_file_and_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        compile_text(tmp_path, text)
    assert f"{tmp_path / 'n.txt'}:{line}: " in str(caught.value)
    assert reason in next(x for x in str(caught.value).split("\n") if f"n.txt:{line}: " in x and reason in x)


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    text = ("@article a\n@bad x\n@text\n{H1:甲院，}\n> H1 + H9\n{Q:x}\n@end\nstray\n@article a\n@text\nx\n@end\n")
    with pytest.raises(DataError) as caught:
        compile_text(tmp_path, text)
    faults = str(caught.value)
    for place in ("n.txt:2: ", "n.txt:4: ", "n.txt:5: ", "n.txt:6: ", "n.txt:8: ", "the id a stands 2 times", "repair"):
        assert place in faults


def test_relations_speak_of_the_line_above_only(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no mention P1"):
        compile_text(tmp_path, HEAD + "{P1:张三}\n{H1:甲院}\n> P1 @ H1\n@end\n")


def test_evidence_is_the_sentences_that_state_the_event(marked) -> None:
    article = marked("{H1:甲院}很好。{H2:甲院}与{H3:乙院}签约，{P1:张三}出席。{P2:李四}致辞。\n> H2 + H3",
                     "@event 甲院 + 乙院 | kind other | status signed")
    by_id = {e.id: e.text for e in article.entities}
    assert [by_id[i] for i in article.events[0].evidence] == ["甲院", "乙院", "张三"]
    assert article.entities[0].id not in article.events[0].evidence


@pytest.mark.parametrize(("value", "legal"), [
    ("2024", True), ("2024-11", True), ("2024-11-08", True), ("XXXX-11-08", True), ("198X", True), ("2018/2022", True),
    ("2024-11-XX", True), ("11-08", False), ("2024-1-8", False), ("2024年", False), ("", False)])
def test_edtf(value: str, legal: bool) -> None:
    assert bool(EDTF_LEVEL_1.fullmatch(value)) is legal


def test_passages_are_the_long_paragraphs() -> None:
    long = "长" * 25
    assert passages(Article(id="a", text=f"{long}\n短\n  {long[:-1]}  \n{long}。")) == [long, long + "。"]
