"""Agreement figures: worked by hand on small files, and what the two passes say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.agreement import Agreement, cohen_kappa, compare, main
from data.article import Article, Entity, Event, Relation, write_jsonl
from data.errors import DataError
from data.schema import Schema

TEXT = "甲院乙院张三院长"


def entity(name: str, start: int, label: str) -> Entity:
    return Entity(id=name, char_start=start, char_end=start + 2, label=label, text=TEXT[start : start + 2])


A, B, P, R = entity("T1", 0, "HOSPITAL"), entity("T2", 2, "HOSPITAL"), entity("T3", 4, "PERSON"), entity("T4", 6, "ROLE")
WITH, WORKS, HOLDS = (Relation(type="SIGNED_WITH", head="T1", tail="T2"), Relation(type="WORKS_AT", head="T3", tail="T2"),
                      Relation(type="HOLDS_ROLE", head="T3", tail="T4"))


def by_name(results: list[Agreement]) -> dict[str, Agreement]:
    return {r.name: r for r in results}


@pytest.mark.parametrize(("a", "b", "kappa"), [
    ("xxyy", "xxyy", 1.0), ("xxxx", "xxxx", 1.0), ("", "", 1.0), ("xy", "yx", -1.0), ("xxyy", "xyxy", 0.0),
    # observed 3/4, chance 1/2 * 1/4 + 1/2 * 3/4 = 1/2
    ("xxyy", "xyyy", 0.5),
])
def test_cohen_kappa(a: str, b: str, kappa: float) -> None:
    assert cohen_kappa(a, b) == pytest.approx(kappa)


def test_f1_of_counts() -> None:
    assert Agreement(name="x", both=3, only_a=1, only_b=2).f1 == pytest.approx(6 / 9)
    assert Agreement(name="x", both=0, only_a=0, only_b=0).f1 == 1.0


def test_counts_and_symmetry(hospital: Schema) -> None:
    x = Article(id="a", text=TEXT, entities=(A, B, P, R), relations=(WITH, WORKS, HOLDS),
                events=(Event(parties=("甲院", "乙院"), date="2024"),))
    y = Article(id="a", text=TEXT, entities=(A, B, replace(P, label="ROLE"), R), relations=(WITH,),
                events=(Event(parties=("乙院", "甲院"), date="2024"),))
    results = by_name(compare([x], [y], hospital))

    def counts(name: str) -> tuple[int, int, int]:
        return results[name].both, results[name].only_a, results[name].only_b

    assert counts("all entities") == (3, 1, 1)
    assert counts("PERSON") == (0, 1, 0) and counts("ROLE") == (1, 0, 1) and counts("HOSPITAL") == (2, 0, 0)
    assert counts("all relations") == (1, 2, 0) and counts("WORKS_AT") == (0, 1, 0)
    assert counts("events") == (1, 0, 0)
    # 8 characters, 6 labelled alike; chance (2*2 + 2*2 + ...)/64 with B/I-PERSON against B/I-ROLE.
    assert results["all entities"].kappa == pytest.approx(cohen_kappa(
        ["B-H", "I-H", "B-H", "I-H", "B-P", "I-P", "B-R", "I-R"], ["B-H", "I-H", "B-H", "I-H", "B-R", "I-R", "B-R", "I-R"]))
    turned = by_name(compare([y], [x], hospital))
    for name, result in results.items():
        assert (turned[name].both, turned[name].only_a, turned[name].only_b) == (result.both, result.only_b, result.only_a)
        assert turned[name].f1 == result.f1 and turned[name].kappa == pytest.approx(result.kappa)


def test_relation_kappa_runs_over_the_shared_admissible_pairs(hospital: Schema) -> None:
    x = Article(id="a", text=TEXT, entities=(A, B, P, R), relations=(WITH, WORKS))
    y = Article(id="a", text=TEXT, entities=(A, B, P, R), relations=(WITH,))
    # 6 cells: A-B with; P-A and P-B each for and at; P=R. x says yes to 2, y to 1 of them.
    kappa = cohen_kappa([True, False, False, False, True, False], [True, False, False, False, False, False])
    assert by_name(compare([x], [y], hospital))["all relations"].kappa == pytest.approx(kappa)
    assert by_name(compare([x], [x], hospital))["all relations"].kappa == 1.0


def test_other_articles_or_texts_are_refused(hospital: Schema) -> None:
    with pytest.raises(DataError, match="only in one: \\['b'\\]"):
        compare([Article(id="a", text="x")], [Article(id="a", text="x"), Article(id="b", text="x")], hospital)
    with pytest.raises(DataError, match="different texts"):
        compare([Article(id="a", text="x")], [Article(id="a", text="y")], hospital)


def test_the_two_passes_agree_as_the_guidelines_say(call) -> None:
    said = call(main, "data/gold/passes/a.jsonl", "data/gold/passes/b.jsonl")
    assert said.code == 0
    rows = {line[:16].strip(): line[16:].split() for line in said.out.splitlines()[1:]}
    assert {"HOSPITAL", "PERSON", "ROLE", "DATE", "ORG", "all entities", "all relations", "events"} <= set(rows)
    assert float(rows["all entities"][3]) > 0.98 and float(rows["all entities"][4]) > 0.98
    assert float(rows["all relations"][3]) > 0.95 and float(rows["all relations"][4]) > 0.95


def test_a_file_agrees_with_itself(tmp_path: Path, seeds: list[Article], call) -> None:
    write_jsonl(tmp_path / "x.jsonl", seeds)
    said = call(main, tmp_path / "x.jsonl", tmp_path / "x.jsonl")
    assert all(line.split()[-1] in ("1.0000",) for line in said.out.splitlines()[1:])
