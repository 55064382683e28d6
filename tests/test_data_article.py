"""What is written comes back the same, and a broken line costs only itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import (
    Article,
    Entity,
    Event,
    Link,
    LinkCandidate,
    Relation,
    Signatory,
    article_from_dict,
    article_to_dict,
    dump_line,
    iter_jsonl,
    read_jsonl,
    write_jsonl,
)
from data.errors import DataError
from data.surrogates import count_surrogates, without_surrogates

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text(alphabet="甲乙丙T12𠮷", min_size=1, max_size=4)
SCORES = st.none() | st.floats(0, 1)
OPTIONAL = st.none() | NAMES


@st.composite
def articles(draw: st.DrawFn) -> Article:
    text = draw(TEXTS)
    entities = []
    for i in range(draw(st.integers(0, 4)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        entities.append(Entity(id=f"T{i}", char_start=start, char_end=end, label=draw(NAMES), text=text[start:end],
                               score=draw(SCORES)))
    relations = [Relation(type=draw(NAMES), head=e.id, tail=entities[0].id, score=draw(SCORES)) for e in entities]
    signatories = st.builds(Signatory, person=NAMES, roles=st.lists(NAMES, max_size=2).map(tuple), hospital=OPTIONAL)
    candidates = st.none() | st.builds(LinkCandidate, id=NAMES, name=NAMES, score=st.floats(0, 1))
    links = st.builds(Link, name=NAMES, kind=NAMES, id=OPTIONAL, best=candidates, runner_up=candidates)
    spans = st.tuples(st.integers(0, 9), st.integers(0, 9))
    events = draw(st.lists(st.builds(
        Event, parties=st.lists(NAMES, max_size=3).map(tuple), other_parties=st.lists(NAMES, max_size=2).map(tuple),
        signatories=st.lists(signatories, max_size=2).map(tuple), date=OPTIONAL, agreement=OPTIONAL,
        evidence=st.lists(NAMES, max_size=2).map(tuple), kind=OPTIONAL, status=OPTIONAL, score=SCORES,
        sentences=st.lists(spans, max_size=2).map(tuple), links=st.lists(links, max_size=2, unique_by=lambda k: k.name).map(tuple)), max_size=2))
    clusters = tuple((e.id,) for e in entities)
    return Article(id=draw(NAMES), text=text, published=draw(OPTIONAL), publisher=draw(OPTIONAL),
                   entities=tuple(entities), relations=tuple(relations), events=tuple(events), clusters=clusters,
                   model=draw(OPTIONAL), signing_score=draw(SCORES))


@given(articles())
def test_dictionary_and_line_round_trip(article: Article) -> None:
    assert article_from_dict(article_to_dict(article)) == article
    line = dump_line(article)
    assert "\n" not in line
    assert article_from_dict(json.loads(line)) == article


@given(st.lists(st.sampled_from(["甲", "院", "\ud83d", "\ude00", "\U0001f600", "\\ud83d", "\n"])), st.data())
def test_half_characters_never_join_on_their_way_through_a_file(pieces: list[str], data: st.DataObject) -> None:
    """JSON's escapes of a high and a low half side by side would come back as one character, and move what follows."""
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    line = dump_line(Article(id=text, text=text, entities=(
        Entity(id="T1", char_start=start, char_end=end, label="HOSPITAL", text=text[start:end]),)))
    read = article_from_dict(json.loads(line.encode("utf-8")))
    assert read.text == read.id == without_surrogates(text) and len(read.text) == len(text)
    assert read.entities[0].text == read.text[start:end]
    assert all(a == b or (b == "\ufffd" and "\ud800" <= a <= "\udfff") for a, b in zip(text, read.text, strict=True))
    assert count_surrogates(text) == sum(a != b for a, b in zip(text, read.text, strict=True))


def test_the_keys_are_those_of_the_contract() -> None:
    article = Article(id="a", text="甲院", entities=(Entity(id="T1", char_start=0, char_end=2, label="HOSPITAL", text="甲院"),),
                      relations=(Relation(type="SIGNED_WITH", head="T1", tail="T1"),),
                      events=(Event(parties=("甲院",), signatories=(Signatory(person="张三"),)),))
    assert article_to_dict(article) == {
        "id": "a", "text": "甲院", "published": None, "publisher": None,
        "entities": [{"id": "T1", "start": 0, "end": 2, "label": "HOSPITAL", "text": "甲院"}],
        "relations": [{"type": "SIGNED_WITH", "head": "T1", "tail": "T1"}],
        "events": [{"parties": ["甲院"], "other_parties": [],
                    "signatories": [{"person": "张三", "roles": [], "hospital": None}],
                    "date": None, "agreement": None, "evidence": []}],
    }


def test_scores_and_model_are_kept_where_set() -> None:
    article = Article(id="a", text="甲", model="m",
                      entities=(Entity(id="T1", char_start=0, char_end=1, label="X", text="甲", score=0.0),))
    record = article_to_dict(article)
    assert record["model"] == "m" and record["entities"][0]["score"] == 0.0


def test_what_only_predictions_carry_stands_under_its_own_keys() -> None:
    best = LinkCandidate(id="H1", name="甲市医院", score=0.9)
    event = Event(parties=("甲院", "乙院"), sentences=((0, 4),), links=(
        Link(name="甲院", kind="close", id="H1", best=best), Link(name="乙院", kind="none")))
    record = article_to_dict(Article(id="a", text="甲院乙院", events=(event,), signing_score=0.97))
    assert record["signing_score"] == 0.97 and record["events"][0]["sentences"] == [[0, 4]]
    assert record["events"][0]["links"] == {
        "甲院": {"id": "H1", "kind": "close", "best": {"id": "H1", "name": "甲市医院", "score": 0.9}, "runner_up": None},
        "乙院": {"id": None, "kind": "none", "best": None, "runner_up": None}}
    assert article_from_dict(record).without_annotation() == Article(id="a", text="甲院乙院")


def test_offsets_count_code_points_beyond_the_basic_plane(tmp_path: Path) -> None:
    text = "𠮷田医院与甲院"
    article = Article(id="a", text=text,
                      entities=(Entity(id="T1", char_start=0, char_end=4, label="HOSPITAL", text="𠮷田医院"),))
    write_jsonl(tmp_path / "a.jsonl", [article])
    back = read_jsonl(tmp_path / "a.jsonl")[0]
    assert back == article and back.text[0:4] == back.entities[0].text


def test_chinese_stays_readable_in_the_file(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [Article(id="a", text="医院")])
    assert "医院" in (tmp_path / "a.jsonl").read_text(encoding="utf-8")


def test_without_annotation_keeps_only_text_and_metadata(seeds: list[Article]) -> None:
    bare = seeds[0].without_annotation()
    assert bare == Article(id=seeds[0].id, text=seeds[0].text, published=seeds[0].published, publisher=seeds[0].publisher)


def test_seeds_survive_a_round_trip(tmp_path: Path, seeds: list[Article]) -> None:
    write_jsonl(tmp_path / "seeds.jsonl", seeds)
    assert read_jsonl(tmp_path / "seeds.jsonl") == seeds
    assert (tmp_path / "seeds.jsonl").read_bytes() == Path("data/gold/seeds.jsonl").read_bytes()


BROKEN = [
    ('{"id": "a", "text": ', "no valid JSON"),
    ('{"text": "x"}', "the key 'id' is missing"),
    ('{"id": "a"}', "the key 'text' is missing"),
    ('["a"]', "expected a JSON object, found list"),
    ('{"id": "a", "text": 5}', "expected text to be a string, found int"),
    ('{"id": "a", "text": "x", "entities": [{"id": "T1", "start": 0, "end": 1, "label": "P"}]}', "the key 'text' is missing"),
    ('{"id": "a", "text": "x", "entities": [{"id": "T1", "start": "zero", "end": 1, "label": "P", "text": "x"}]}', "zero"),
    ('{"id": "a", "text": "x", "entities": 3}', "int"),
    ('{"id": "a", "text": "x", "relations": [{"type": "R", "head": "T1"}]}', "the key 'tail' is missing"),
    ('{"id": "a", "text": "x", "events": [{"parties": [], "links": ["H1"]}]}', "expected links to be an object"),
    ('{"id": "a", "text": "x", "events": [{"parties": [], "links": {"甲": {}}}]}', "the key 'kind' is missing"),
    ('{"id": "a", "text": "x", "events": [{"parties": [], "sentences": [[1]]}]}', "not enough values"),
    ('{"id": "a", "text": "x", "events": [{}]}', "the key 'parties' is missing"),
]


@pytest.mark.parametrize(("line", "reason"), BROKEN)
def test_a_broken_line_is_named_and_costs_only_itself(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "one", "text": "一"}\n\n' + line + '\n{"id": "two", "text": "二"}\n', encoding="utf-8")
    items = list(iter_jsonl(path))
    assert [(n, i.id if isinstance(i, Article) else "fault") for n, i in items] == [(1, "one"), (3, "fault"), (4, "two")]
    assert reason in str(items[1][1])


def test_all_broken_lines_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(line for line, _ in BROKEN), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_jsonl(path)
    message = str(caught.value)
    assert str(path) in message and "repair" in message
    for number, (_, reason) in enumerate(BROKEN, start=1):
        assert f"line {number}: " in message and reason in message


def test_a_missing_file_and_a_foreign_encoding_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_jsonl(tmp_path / "none.jsonl")
    path = tmp_path / "gbk.jsonl"
    path.write_bytes('{"id": "a", "text": "市人民医院"}'.encode("gb18030"))
    with pytest.raises(DataError, match="expected UTF-8, found byte") as caught:
        read_jsonl(path)
    assert "iconv" in str(caught.value)


@pytest.mark.parametrize("field", ["published", "publisher"])
def test_metadata_of_a_wrong_type_is_a_fault_of_the_line(field: str) -> None:
    with pytest.raises(TypeError):
        article_from_dict({"id": "a", "text": "11月8日", field: 20241108})
