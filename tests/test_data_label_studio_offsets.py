"""Regions whose offsets were counted otherwise come back to exactly the characters they say, or are refused."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, Relation
from data.formats.base import Ledger
from data.formats.label_studio import article_to_task, task_to_article
from data.label_studio.config import labelling_config
from data.label_studio.offsets import BY_ITS_TEXT, Placed, fold, place_regions, widths
from data.label_studio.pull import articles_of
from data.label_studio.tasks import build_tasks, interface_of
from data.schema import Schema, load_schema

TEXT = "😀𠮷甲院与\r\n乙\u00a0院签约。\r\n丙院😀的张三\n丁院"
PIECES = ["甲", "院", "乙院", "签约", "😀", "𠮷", "𝟙", "\r\n", "\n", "\u00a0", " ", "\u3000", "\u200b", "e\u0301", "\\n", "。", "👩\u200d⚕️", "a"]
WAYS = [(utf16, line_end) for utf16 in (False, True) for line_end in (0, 1, 2)]


def counted(text: str, char: int, *, utf16: bool, line_end: int) -> int:
    """The offset that such a tool writes for a code point offset."""
    return sum(widths(text, utf16=utf16, line_end=line_end)[:char])


def test_widths_against_python_and_a_second_way_of_counting() -> None:
    assert sum(widths(TEXT, utf16=True, line_end=0)) == len(TEXT.encode("utf-16-le")) // 2
    assert sum(widths(TEXT, utf16=False, line_end=1)) == len(TEXT.replace("\r\n", "\n"))
    assert sum(widths(TEXT, utf16=False, line_end=2)) == len(TEXT.replace("\r\n", "\n").replace("\n", "\r\n"))


@pytest.mark.parametrize(("utf16", "line_end"), WAYS)
def test_every_way_of_counting_is_seen_through(utf16: bool, line_end: int) -> None:
    spans = [(TEXT.index(name), TEXT.index(name) + len(name)) for name in ("甲院", "乙\u00a0院", "张三", "丁院")]
    regions = [(counted(TEXT, s, utf16=utf16, line_end=line_end), counted(TEXT, e, utf16=utf16, line_end=line_end),
                TEXT[s:e].replace("\u00a0", " ")) for s, e in spans]
    found = place_regions(TEXT, regions)
    assert [(p.char_start, p.char_end) for p in found if p] == spans
    moved = regions != [(s, e, TEXT[s:e].replace("\u00a0", " ")) for s, e in spans]
    assert any(p.how for p in found if p) == moved


def test_the_majority_of_regions_shows_a_shift_that_one_repeated_character_hides() -> None:
    text = "😀院院院甲乙"
    regions = [(2, 3, "院"), (5, 6, "甲"), (6, 7, "乙")]  # UTF-16: the first 院 begins at 2, where code points have the second
    assert place_regions(text, regions)[0] == Placed(char_start=1, char_end=2, how="from UTF-16 units")
    assert place_regions(text, regions[:1])[0] == Placed(char_start=2, char_end=3, how="")  # nothing proves otherwise


def test_what_nothing_proves_is_refused() -> None:
    assert place_regions("甲院和乙院", [(0, 2, "丙院"), (7, 9, "甲院"), (1, 1, ""), (0, 3, "院"), (0, 9, None), (2, 1, None)]) == [
        None, Placed(char_start=0, char_end=2, how=BY_ITS_TEXT), None, None, None, None]
    assert place_regions("甲院和乙院", [(3, 5, None)]) == [Placed(char_start=3, char_end=5, how="")]


@st.composite
def articles(draw: st.DrawFn) -> Article:
    """Text of awkward pieces with flat spans and relations that the extended schema admits."""
    text = "甲" + "".join(draw(st.lists(st.sampled_from(PIECES), min_size=3, max_size=25))) + "乙"
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), min_size=2, max_size=8)))
    entities = tuple(Entity(id=f"T{i}", char_start=s, char_end=e, label=draw(st.sampled_from(("HOSPITAL", "PERSON", "DATE"))), text=text[s:e])
                     for i, (s, e) in enumerate(itertools.batched(cuts, 2) if hasattr(itertools, "batched") else zip(cuts[::2], cuts[1::2], strict=False)))
    hospitals = [e for e in entities if e.label == "HOSPITAL"]
    people = [e for e in entities if e.label == "PERSON"]
    relations = [Relation(type="SIGNED_WITH", head=a.id, tail=b.id) for a, b in itertools.combinations(hospitals, 2)]
    relations += [Relation(type="WORKS_AT", head=p.id, tail=h.id) for p in people for h in hospitals]
    return Article(id="a-1", text=text, entities=entities, relations=tuple(relations), model=draw(st.sampled_from((None, "m"))),
                   published=draw(st.sampled_from((None, "2024-05-01"))))


def annotated(task: dict) -> dict:
    """The task as an annotator who submits the pre-annotation as it stands leaves it."""
    held = (task["annotations"] or task["predictions"])[0]
    return {**task, "id": 1, "annotations": [{"id": 1, "completed_by": 1, "result": held["result"]}], "predictions": []}


SCHEMA = load_schema("configs/schema/parties.yaml")
INTERFACE = interface_of(labelling_config(SCHEMA), SCHEMA, place="test")


@given(articles())
def test_there_and_back_gives_identical_spans_and_relations(article: Article) -> None:
    ledger = Ledger(source="there")
    tasks = build_tasks([article], SCHEMA, INTERFACE, ledger)
    assert not ledger.faults and not ledger.counts
    back = Ledger(source="back")
    found = articles_of(json.loads(json.dumps([annotated(tasks[0])])), SCHEMA, back).articles[0]
    assert (found.id, found.text, found.published) == (article.id, article.text, article.published)
    assert found.entities == article.entities
    assert sorted(found.relations, key=str) == sorted(article.relations, key=str)
    assert not back.faults and not back.counts


@given(articles(), st.sampled_from(WAYS), st.booleans())
def test_drift_is_repaired_or_cannot_be_told_from_the_text(article: Article, way: tuple[bool, int], folded: bool) -> None:
    utf16, line_end = way
    task = annotated(article_to_task(article, Ledger(source="there"), schema=SCHEMA))
    regions = [item for item in task["annotations"][0]["result"] if item["type"] == "labels"]
    for item in regions:
        value = item["value"]
        for end in ("start", "end"):
            value[end] = counted(article.text, value[end], utf16=utf16, line_end=line_end)
        if folded:
            value["text"] = fold(value["text"])
    ledger = Ledger(source="back")
    found = task_to_article(json.loads(json.dumps(task)), ledger)
    assert found is not None
    # The contract holds whatever came: each span says exactly what the region said.
    says = {item["id"]: fold(item["value"]["text"]) for item in regions}
    assert all(found.text[e.char_start : e.char_end] == e.text and fold(e.text) == says[e.id] for e in found.entities)
    right = {(e.id, e.char_start, e.char_end) for e in article.entities}
    got = {(e.id, e.char_start, e.char_end) for e in found.entities}
    # A line end cut in two by a span (\r | \n) has no place of its own where the two count as one.
    cut = any(article.text[i - 1 : i + 1] == "\r\n" for e in article.entities for i in (e.char_start, e.char_end))
    if got != right and not cut:
        # Another way of counting explains as many regions, so that the text proves nothing.
        explained = max(sum(says_so(article.text, item["value"], u, n) for item in regions) for u, n in WAYS if (u, n) != way)
        assert explained == len(regions)


def says_so(text: str, value: dict, utf16: bool, line_end: int) -> bool:
    places = {counted(text, char, utf16=utf16, line_end=line_end): char for char in range(len(text), -1, -1)}
    start, end = places.get(value["start"]), places.get(value["end"])
    return start is not None and end is not None and fold(text[start:end]) == fold(value["text"])


def test_the_ledger_says_what_was_moved(parties: Schema) -> None:
    article = Article(id="a", text=TEXT, entities=(Entity(id="T1", char_start=2, char_end=4, label="HOSPITAL", text="甲院"),))
    task = annotated(article_to_task(article, Ledger(source="there"), schema=SCHEMA))
    task["annotations"][0]["result"][0]["value"].update(start=4, end=6)
    ledger = Ledger(source="back")
    assert articles_of([task], parties, ledger).articles[0].entities == article.entities
    assert ledger.counts == {"regions moved: from UTF-16 units": 1}
