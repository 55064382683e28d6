"""Formats: offsets survive there and back, malformed input costs nothing beside it, articles keep the contract."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, Relation
from data.errors import DataError
from data.formats.base import Ledger, sound
from data.formats.registry import FORMATS, WRITABLE, read_articles
from data.validate import validate_articles

# Emoji with joiners, characters outside the basic plane, white space of all kinds, marks that formats use themselves.
ALPHABET = "甲乙院长签约 ab1　\u00a0\u2028\u0085\t\r\n😀👨‍👩‍👧𠮷𪚥\ufeffOB-#；；T%\\:\x00"
LABELS = ("HOSPITAL", "PER.NAM", "人名", "a-b")


ReadFormat = Callable[..., tuple[list[Article], Ledger]]


@st.composite
def articles(draw: st.DrawFn, *, alphabet: str = ALPHABET) -> Article:
    """An article with flat spans and relations among them."""
    text = draw(st.text(st.sampled_from(alphabet), max_size=40))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    pieces = list(itertools.pairwise(cuts))
    chosen = [p for p in pieces if draw(st.booleans())]
    entities = [Entity(id=f"T{i}", char_start=s, char_end=e, label=draw(st.sampled_from(LABELS)), text=text[s:e])
                for i, (s, e) in enumerate(chosen, start=1)]
    ids = [e.id for e in entities]
    pairs = draw(st.sets(st.tuples(st.sampled_from(ids), st.sampled_from(ids)), max_size=4)) if len(ids) > 1 else set()
    relations = [Relation(type=draw(st.sampled_from(("SIGNED_WITH", "任职"))), head=h, tail=t) for h, t in sorted(pairs) if h != t]
    return Article(id=draw(st.sampled_from(("a", "../b c", "院/一", ".x", "%41", "T1"))), text=text, entities=tuple(entities),
                   relations=tuple(relations))


def there_and_back(name: str, given_articles: list[Article]) -> tuple[list[Article], Ledger, Ledger]:
    wrote, read = Ledger(source="out"), Ledger(source="in")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inner" / "file"
        write = FORMATS[name].write
        assert write is not None
        write(path, given_articles, wrote)
        back = list(read_articles(name, path, read))
        assert sorted(p.name for p in Path(folder).iterdir()) == ["inner"]
    return back, wrote, read


@given(articles())
@pytest.mark.parametrize("name", ["jsonl", "label-studio", "brat"])
def test_nothing_shifts_where_relations_have_a_place(name: str, article: Article) -> None:
    back, wrote, read = there_and_back(name, [article])
    assert back == [article]
    assert not read.faults and not read.counts and not wrote.counts


@given(articles())
@pytest.mark.parametrize("name", ["conll", "bmes"])
def test_nothing_shifts_in_columns(name: str, article: Article) -> None:
    back, wrote, read = there_and_back(name, [article])
    held = [e for e in article.entities if "\n" not in e.text]
    assert [(a.id, a.text) for a in back] == [(article.id, article.text)]
    assert [(e.char_start, e.char_end, e.label, e.text) for e in back[0].entities] == [
        (e.char_start, e.char_end, e.label, e.text) for e in held]
    assert not read.faults and not read.counts
    assert wrote.counts["relations"] == len(article.relations)
    assert wrote.counts["entities across a line break"] == len(article.entities) - len(held)


@given(st.lists(articles(alphabet="甲乙\n 😀"), min_size=2, max_size=4, unique_by=lambda a: a.id))
@pytest.mark.parametrize("name", ["conll", "brat", "label-studio"])
def test_articles_do_not_run_into_each_other(name: str, several: list[Article]) -> None:
    back, _, _ = there_and_back(name, several)
    assert {(a.id, a.text) for a in back} == {(a.id, a.text) for a in several}


@pytest.mark.parametrize("name", WRITABLE)
def test_the_seeds_survive(name: str, seeds: list[Article]) -> None:
    back, wrote, read = there_and_back(name, seeds)
    assert [a.text for a in back] == [a.text for a in seeds] and not read.faults
    expected = [[(e.char_start, e.char_end, e.label) for e in a.entities] for a in seeds]
    assert [[(e.char_start, e.char_end, e.label) for e in a.entities] for a in back] == expected
    relations = [{(r.type, r.head, r.tail) for r in a.relations} for a in seeds]
    if name in ("conll", "bmes"):
        assert wrote.counts["relations"] == sum(map(len, relations)) > 100
    else:
        assert [{(r.type, r.head, r.tail) for r in a.relations} for a in back] == relations
    if name != "jsonl":
        assert wrote.counts["events"] == sum(len(a.events) for a in seeds) > 0
    assert validate_articles(back) == []


@pytest.mark.parametrize("name", ["conll", "brat", "label-studio"])
def test_half_a_surrogate_pair_becomes_one_mark(name: str) -> None:
    broken = Article(id="a", text="甲\ud83d院\ude00\ud83d\ude00")
    back, wrote, _ = there_and_back(name, [broken])
    assert back[0].text == "甲\ufffd院\ufffd\ufffd\ufffd"
    assert wrote.counts["damaged characters (lone surrogates)"] == 4


@given(articles(), st.data())
def test_whatever_comes_is_made_sound(article: Article, data: st.DataObject) -> None:
    """Wrong offsets, wrong texts, overlaps, doubled ids and loose relations never reach a reader's caller."""
    size = len(article.text)
    wrong = [Entity(id=data.draw(st.sampled_from(("T1", "X1", "X2"))), char_start=s, char_end=e, label="L",
                    text=data.draw(st.sampled_from((article.text[max(s, 0):max(e, 0)], "别"))))
             for s, e in data.draw(st.lists(st.tuples(st.integers(-2, size + 2), st.integers(-2, size + 2)), max_size=4))]
    loose = data.draw(st.lists(st.builds(Relation, type=st.just("R"), head=st.sampled_from(("T1", "X1", "gone")),
                                         tail=st.sampled_from(("T2", "X2"))), max_size=3))
    mixed = replace(article, entities=(*article.entities, *wrong), relations=(*article.relations, *loose))
    ledger = Ledger(source="x")
    result = sound(mixed, ledger, "here")
    assert validate_articles([result]) == []
    dropped = len(mixed.entities) - len(result.entities) + len(mixed.relations) - len(result.relations)
    assert dropped == len(ledger.faults) + sum(ledger.counts.values())
    assert sound(article, ledger, "here") is article


def test_ids_that_stand_twice(read_format: ReadFormat) -> None:
    found, ledger = read_format("jsonl", '{"id": "a", "text": "甲"}\n{"id": "b", "text": "乙"}\n{"id": "a", "text": "丙"}\n{"id": "c"}')
    assert [a.text for a in found] == ["甲", "乙"] and [f.place for f in ledger.faults] == ["line 3", "line 4"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError):
        list(read_articles(name, tmp_path / "none", Ledger(source="x")))


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in ("label-studio", "brat")])
@pytest.mark.parametrize("make", [lambda: b"", lambda: b"\n\n\n", lambda: bytes(range(256)) * 20, lambda: b"\xff\xfe" + "甲 O\n".encode("utf-16-le")])
def test_rubbish_gives_nothing_and_no_traceback(read_format: ReadFormat, name: str, make: Callable[[], bytes]) -> None:
    found, ledger = read_format(name, make())
    assert found == []
    assert bool(ledger.faults) == (len(make()) > 3)
