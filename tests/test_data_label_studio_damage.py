"""Exports that somebody or something damaged: whatever stands in one task, the other comes back, and nothing is raised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.article import Article, Entity, Relation
from data.formats.base import Ledger
from data.label_studio.config import labelling_config
from data.label_studio.pull import articles_of
from data.label_studio.tasks import build_tasks, interface_of
from data.schema import load_schema

SCHEMA = load_schema("configs/schema/parties.yaml")
TEXT = "甲医院与乙医院签约"
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
                    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("id", "value", "labels", "x")), inner, max_size=2),
                    max_leaves=4)


def export() -> list[dict[str, Any]]:
    """Two tasks as pushed, corrected and exported: regions, a relation, a choice, a prediction, a draft, metadata with events."""
    articles = [Article(id=name, text=TEXT, entities=(
        Entity(id="T1", char_start=0, char_end=3, label="HOSPITAL", text="甲医院"), Entity(id="T2", char_start=4, char_end=7, label="HOSPITAL", text="乙医院")),
        relations=(Relation(type="SIGNED_WITH", head="T1", tail="T2"),), clusters=(("T1",), ("T2",))) for name in ("a", "b")]
    tasks = build_tasks(articles, SCHEMA, interface_of(labelling_config(SCHEMA), SCHEMA, place="x"), Ledger(source="x"))
    for number, task in enumerate(tasks, start=1):
        [held] = task["annotations"]
        choice = {"id": "c", "from_name": "signing", "to_name": "text", "type": "choices", "value": {"choices": ["no signing"]}}
        task.update(id=number, drafts=[1], annotations=[
            {**held, "result": [*held["result"], choice], "id": number, "completed_by": {"id": 1, "email": "li@example.com"}, "updated_at": "2024-05-01T00:00:00Z",
             "was_cancelled": False, "ground_truth": True, "parent_prediction": 7, "prediction": {"result": held["result"]}},
            {**held, "id": 9, "completed_by": {"id": 2, "email": "wu@example.com"}, "updated_at": "2024-05-02T00:00:00Z"}])
    return json.loads(json.dumps(tasks))


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value below a node."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = tuple(places(export()[0]))


@settings(max_examples=200)
@given(st.sampled_from(PLACES), JSON | st.just(...), st.sampled_from(("latest", "ground-truth", "majority")))
@example(("annotations", 0, "result", 0, "value"), "junk", "latest")
@example(("annotations", 0, "result", 3, "value", "choices"), 5, "latest")
@example(("annotations",), 5, "latest")
@example(("drafts",), 5, "latest")
def test_one_damaged_value_costs_its_own_task_at_most(place: tuple[Any, ...], value: Any, rule: str) -> None:
    """``...`` takes the value away."""
    damaged, whole = export()
    node: Any = damaged
    for key in place[:-1]:
        node = node[key]
    if value is ...:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    found = articles_of([damaged, whole], SCHEMA, Ledger(source="x"), rule=rule)
    same = [a for a in found.articles if a.id == "b"]
    assert same and same[0].text == TEXT and len(same[0].entities) == 2 and len(same[0].relations) == 1
    for article in found.articles:
        assert all(article.text[e.char_start : e.char_end] == e.text for e in article.entities)
