"""The handbook: every worked example compiles, keeps the contract and shows what it is there to show."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from data.article import Article
from data.clean import surface
from data.markup import read_marked
from data.schema import Schema
from data.validate import validate_articles

HANDBOOK = Path(__file__).resolve().parent.parent / "data/GUIDELINES.md"
_EXAMPLE = re.compile(r"^\*\*(\d+)\. (.+?)\.\*\*.*?\n\n```text\n(.+?)\n```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Article]]:
    found = _EXAMPLE.findall(HANDBOOK.read_text(encoding="utf-8"))
    path = tmp_path_factory.mktemp("handbook") / "examples.txt"
    path.write_text("\n".join(f"@article e-{number}\n{_events(body)}@text\n{body}\n@end\n" for number, _, body in found), encoding="utf-8")
    return [(title, m.article) for (_, title, _), m in zip(found, read_marked(path, surface=surface), strict=True)]


def _events(body: str) -> str:
    """The notation wants an event for every signing: one for each ``+`` clause, its parties as they stand."""
    name = dict(re.findall(r"\{([HO]\d+):([^}]+)\}", body))
    clauses = [c.split("+") for line in body.splitlines() if line.startswith(">") for c in line[1:].split(";") if "+" in c]
    return "".join(f"@event {' + '.join(name[key.strip()] for key in keys)} | agreement 协议 | kind other | status signed\n"
                   for keys in {tuple(sorted(name[k.strip()] for k in c)): c for c in clauses}.values())


def test_thirty_examples_keep_the_contract(examples: list[tuple[str, Article]], parties: Schema) -> None:
    assert len(examples) >= 30
    assert [a.id for _, a in examples] == [f"e-{i + 1}" for i in range(len(examples))]
    assert not validate_articles([a for _, a in examples], parties)


def test_they_show_every_label_and_relation_and_what_stays_unmarked(examples: list[tuple[str, Article]], parties: Schema) -> None:
    labels = Counter(e.label for _, a in examples for e in a.entities)
    kinds = Counter(r.type for _, a in examples for r in a.relations)
    assert set(labels) == set(parties.labels) and min(labels.values()) >= 2
    assert set(kinds) == {r.name for r in parties.relations} and min(kinds.values()) >= 2
    assert sum(not a.entities for _, a in examples) >= 3
    marked = {surface(e.text) for _, a in examples for e in a.entities}
    assert not marked & {"双方", "两院", "同志", "近日", "当天", "医院", "上午"}


def test_a_hub_has_no_relation_between_its_spokes(examples: list[tuple[str, Article]]) -> None:
    hub = dict(examples)["A hub"]
    text = {e.id: e.text for e in hub.entities}
    assert [(text[r.head], text[r.tail]) for r in hub.relations] == [("青杨市中心医院", "柳河县人民医院"), ("青杨市中心医院", "白石市中医院")]


def test_no_party_of_the_seeds_is_named(examples: list[tuple[str, Article]], seeds: list[Article]) -> None:
    real = {name for a in seeds for v in a.events for name in v.parties}
    assert not real & {surface(e.text) for _, a in examples for e in a.entities}


def test_its_pictures_are_there_and_small() -> None:
    text = HANDBOOK.read_text(encoding="utf-8")
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    held = sorted(p.name for p in (HANDBOOK.parent / "images").glob("*.png"))
    assert sorted(Path(p).name for _, p in pictures) == held
    for about, name in pictures:
        data = (HANDBOOK.parent / name).read_bytes()
        assert about and data.startswith(b"\x89PNG") and len(data) < 150_000
