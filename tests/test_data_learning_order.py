"""The queue: what the model doubts comes first, names count once, near-duplicates stay out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Entity, article_from_dict, article_to_dict, read_jsonl, write_jsonl
from data.label_studio import queue as command
from data.learning_order import doubt_of_scores, hospital_names, order_articles
from data.near_duplicates import SeenTexts
from data.uncertainty import Uncertainty

LINES = ("签约仪式在门诊楼五楼举行，两家单位的缘分由来已久。", "会上，专家就病种下沉、人才带教和远程会诊作了说明。", "雨天路滑，一行人还是准时到了山里的卫生院。",
         "老院长回忆起当年坐拖拉机送药的日子，眼里有光。", "新设备月底进场，装机与培训同步推进，患者少跑一趟。", "省里来的团队把病历一份份看完，天已擦黑。")


def predicted(name: str, text: str, *hospitals: str, spans: float = 0.0, pairs: float = 0.0) -> Article:
    """A prediction that marks the hospitals, which are put before the text."""
    entities, at = [], 0
    for i, hospital in enumerate(hospitals):
        entities.append(Entity(id=f"T{i + 1}", char_start=at, char_end=at + len(hospital), label="HOSPITAL", text=hospital, score=0.9))
        at += len(hospital) + 1
    return Article(id=name, text="、".join([*hospitals, text]), entities=tuple(entities), model="m",
                   uncertainty=Uncertainty(spans=spans, pairs=pairs))


def ids(queue: Any) -> list[str]:
    return [p.article.id for p in queue.places]


def test_what_is_doubted_comes_first() -> None:
    pool = [predicted("sure", LINES[0]), predicted("tags", LINES[1], spans=5.0), predicted("pairs", LINES[2], pairs=2.0, spans=1.0)]
    assert ids(order_articles([pool])) == ["pairs", "tags", "sure"]
    assert ids(order_articles([pool], weights={"spans": 1.0})) == ["tags", "pairs", "sure"]
    with pytest.raises(ValueError, match="weights"):
        order_articles([pool], weights={"speling": 1.0})


def test_a_long_article_costs_more_when_paid_by_the_character() -> None:
    pool = [predicted("long", "，".join(LINES[:5]), spans=6.0), predicted("short", LINES[5], spans=4.0)]
    assert ids(order_articles([pool])) == ["long", "short"]
    assert ids(order_articles([pool], per="character")) == ["short", "long"]


def test_a_name_is_new_once() -> None:
    pool = [predicted("a", LINES[0], "甲县医院", "乙县医院", spans=1.0), predicted("b", LINES[1], "甲县医院", "乙县医院", spans=1.0),
            predicted("c", LINES[2], "丙县医院", spans=1.0), predicted("d", LINES[3], "我院", spans=1.0)]
    queue = order_articles([pool])
    assert ids(queue) == ["a", "c", "b", "d"]
    assert queue.places[0].new_names == ("甲县医院", "乙县医院") and queue.places[2].new_names == ()
    known = Article(id="g", text="甲县医院乙县医院", entities=(
        Entity(id="T1", char_start=0, char_end=4, label="HOSPITAL", text="甲县医院"),
        Entity(id="T2", char_start=4, char_end=8, label="HOSPITAL", text="乙县医院")))
    assert ids(order_articles([pool], [known]))[0] == "c"
    assert hospital_names(pool[3]) == []


def test_near_duplicates_stay_out() -> None:
    text = "".join(LINES)
    pool = [predicted("first", text, spans=2.0), predicted("again", "转载：" + text, spans=1.0), predicted("other", LINES[0] + LINES[4][::-1] * 3)]
    queue = order_articles([pool])
    assert ids(queue) == ["first", "other"] and queue.duplicates == {"again": "first"}
    labelled = Article(id="gold", text=text + "（完）")
    assert order_articles([pool], [labelled]).duplicates == {"first": "gold", "again": "gold"}


def test_where_checkpoints_disagree_there_is_more_to_learn() -> None:
    agreed, apart = predicted("agreed", LINES[0], "甲县医院"), predicted("apart", LINES[1], "乙县医院")
    second = [agreed, replace(apart, entities=())]
    queue = order_articles([[agreed, apart], second])
    assert ids(queue) == ["apart", "agreed"] and queue.places[0].parts["disagreement"] == 1.0
    assert "disagree on 1 marks" in queue.places[0].explain()
    assert ids(order_articles([[agreed, apart], [agreed]])) == ["agreed"]


def test_scores_stand_in_where_a_prediction_carries_no_uncertainty() -> None:
    article = replace(predicted("a", LINES[0], "甲县医院"), uncertainty=None)
    assert doubt_of_scores(article) == Uncertainty(spans=0.1, pairs=0.0)
    assert order_articles([[article]]).places[0].parts["spans"] == pytest.approx(0.1)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50), st.lists(st.sampled_from(["甲院", "乙院", "丙院", "丁院"]), unique=True)), max_size=8))
def test_greedy_order_is_what_a_plain_search_gives(drawn: list[tuple[float, float, list[str]]]) -> None:
    """The heap with stale tops gives at each place the best of what is left."""
    pool = [predicted(str(i), chr(0x4E00 + 97 * i) * 30, *names, spans=s, pairs=p) for i, (s, p, names) in enumerate(drawn)]
    queue = order_articles([pool])
    assert sorted(ids(queue)) == sorted(a.id for a in pool) and not queue.duplicates
    means = {n: sum(getattr(a.uncertainty, n) for a in pool) / len(pool) for n in ("spans", "pairs")} if pool else {}
    mean_new = sum(len(hospital_names(a)) for a in pool) / max(1, len(pool)) or 1.0
    seen: set[str] = set()
    for i, place in enumerate(queue.places):
        def value(a: Article, known: frozenset[str] = frozenset(seen)) -> float:
            new = len(set(hospital_names(a)) - known)
            return sum(getattr(a.uncertainty, n) / m for n, m in means.items() if m) + 0.5 * new / mean_new
        best = max(value(p.article) for p in queue.places[i:])
        assert math.isclose(value(place.article), best, rel_tol=1e-6, abs_tol=1e-9)
        seen |= set(hospital_names(place.article))


def test_uncertainty_goes_through_the_file() -> None:
    article = predicted("a", LINES[0], spans=1.5, pairs=0.25)
    assert article_from_dict(json.loads(json.dumps(article_to_dict(article)))) == article
    assert article.without_annotation().uncertainty is None
    with pytest.raises(KeyError):
        article_from_dict({**article_to_dict(article), "uncertainty": {"spans": 1}})


def test_seen_texts_of_a_few_characters() -> None:
    seen = SeenTexts([("a", "短讯"), ("b", "")])
    assert seen.like("短 讯") == "a" and seen.like("别的") is None


def parse(*argv: object) -> Any:
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(a) for a in argv])


def test_the_command_explains_ten_and_writes_the_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = [predicted(f"n-{i:02}", "\ud800" * (i == 3) + chr(0x4E00 + 97 * i) * 40, f"{chr(0x5000 + i)}县医院", spans=float(i)) for i in range(12)]
    write_jsonl(tmp_path / "p.jsonl", pool)
    assert command.run(parse(tmp_path / "p.jsonl", "--to", tmp_path / "order.jsonl", "--novelty", "0")) == 0
    out = capsys.readouterr().out
    assert out.count("expected wrong") == 10 and "1. n-11" in out and "12 articles in order" in out
    assert [a.id for a in read_jsonl(tmp_path / "order.jsonl")] == [f"n-{i:02}" for i in range(11, -1, -1)]
    first = json.loads((tmp_path / "order.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["queue_rank"] == 1 and first["queue_parts"]["spans"] == 11.0


@pytest.mark.parametrize(("model", "weights", "said"), [(None, (), "no predictions"), ("m", ("--novelty", "-1"), "weights of 0")])
def test_wrong_input_is_refused(tmp_path: Path, model: str | None, weights: tuple[str, ...], said: str, call: Callable[..., Any]) -> None:
    write_jsonl(tmp_path / "p.jsonl", [replace(predicted("a", LINES[0]), model=model)])
    answer = call(lambda argv: command.run(parse(*argv)), tmp_path / "p.jsonl", *weights)
    assert answer.code in (1, 2) and said in answer.err


class _Server:
    """A stand-in for a server: tasks, and what was asked of it."""

    def __init__(self, *articles: Article) -> None:
        self.held = {i + 1: {"id": a.id, "text": a.text} for i, a in enumerate(articles)}
        self.seen_views: list[Any] = [SimpleNamespace(id=1, data={"title": "Mine"})]
        self.view_order: list[int] = []
        self.updates = 0
        views = SimpleNamespace(list=lambda project: self.seen_views, create=self._view,
                                update=lambda key, project, data: setattr(self.seen_views[int(key) - 1], "data", data),
                                update_order=lambda project, ids: setattr(self, "view_order", ids))
        self.sdk = SimpleNamespace(tasks=SimpleNamespace(update=self._update), views=views)

    def project(self, wanted: str) -> Any:
        return SimpleNamespace(id=int(wanted))

    def tasks(self, project_id: int) -> Any:
        return [SimpleNamespace(id=i, data=dict(data)) for i, data in self.held.items()]

    def call(self, request: Callable[[], Any]) -> Any:
        return request()

    def _update(self, key: int, data: dict[str, Any]) -> None:
        self.updates += 1
        self.held[key] = data

    def _view(self, project: int, data: dict[str, Any]) -> Any:
        self.seen_views.append(SimpleNamespace(id=len(self.seen_views) + 1, data=data))
        return self.seen_views[-1]


def test_the_order_is_set_in_a_project_once() -> None:
    pool = [predicted("a", LINES[0], spans=1.0), predicted("b", LINES[1], spans=9.0)]
    server = _Server(*pool, Article(id="labelled", text=LINES[2]), Article(id="a", text="another text"))
    server.held[3][command.RANK] = "000001"
    said = command.set_order(server, "1", order_articles([pool]))  # type: ignore[arg-type]
    assert "2 tasks ranked, 3 changed" in said
    assert [d.get(command.RANK) for d in server.held.values()] == ["000002", "000001", None, None]
    assert server.held[2]["text"] == pool[1].text and "9.0 tags" in server.held[2][command.REASON]
    [_, view] = server.seen_views
    assert view.data["ordering"] == ["tasks:data.queue_rank"]
    assert "0 changed" in command.set_order(server, "1", order_articles([pool])) and len(server.seen_views) == 2  # type: ignore[arg-type]
    assert server.view_order == [2, 1], "the tab that opens with the project"
