"""Learning in the queue's order against random order: what is trained on what, what is kept, what is reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.article import Article
from data.errors import UsageError
from data.uncertainty import Uncertainty
from training import active_learning
from training.active_learning_config import read_experiment
from training.active_learning_table import summarise, table

SHIPPED = Path("configs/active-learning.yaml")


def test_the_shipped_experiment_is_sound() -> None:
    experiment = read_experiment(SHIPPED)
    by_length = read_experiment(SHIPPED.with_name("active-learning-characters.yaml"))
    assert (experiment.per, by_length.per) == ("article", "character") and by_length.name != experiment.name
    assert experiment.draws == by_length.draws == 5 and experiment.random_sizes[-1] * 2 / 3 in [pytest.approx(s, abs=0.5) for s in experiment.queue_sizes]


@pytest.mark.parametrize(("change", "said"), [({"queue_sizes": [10]}, "must grow"), ({"random_sizes": [500]}, "must grow"), ({"drwas": 2}, "drwas")])
def test_wrong_experiments_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(SHIPPED.read_text(encoding="utf-8")), **change}, allow_unicode=True), encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_experiment(path)


def row(draw: int, arm: str, articles: int, f1: float, characters: int = 0) -> dict[str, Any]:
    return {"draw": draw, "arm": arm, "articles": articles, "characters": characters or 100 * articles, "entities": f1, "relations": f1 - 0.1,
            "cpu_seconds": 1.0}


def test_the_share_is_read_off_the_mean_curve() -> None:
    rows = [r for d in (0, 1) for r in (row(d, "start", 20, 0.4), row(d, "queue", 40, 0.6 + 0.1 * d), row(d, "queue", 80, 0.9), row(d, "random", 80, 0.75))]
    summary = summarise([*rows, row(2, "start", 20, 0.1)])
    assert summary["draws"] == [0, 1]  # the third is not finished
    assert summary["reached"]["entities"]["articles"] == pytest.approx((40 + 40 * 0.1 / 0.25) / 80)
    assert "0.70 of the articles" in table(summary)
    never = summarise([row(0, "start", 20, 0.4), row(0, "queue", 80, 0.7), row(0, "random", 80, 0.8)])
    assert never["reached"]["mean"] is None and "more than was tried" in table(never)
    assert summarise([row(0, "start", 20, 0.4)])["draws"] == []


class _Learner:
    """A stand-in model: it finds nothing, and doubts what is long."""

    def predict(self, articles: Sequence[Article]) -> Iterator[Article]:
        for a in articles:
            yield replace(a, entities=(), relations=(), events=(), clusters=(), model="m",
                          uncertainty=Uncertainty(spans=float(len(a.text)), pairs=0.0))


def test_rows_are_made_once_and_both_orders_begin_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                        call: Callable[..., Any]) -> None:
    trained: list[list[str]] = []

    def train(self: Any, articles: Sequence[Article], *, seed: int) -> _Learner:
        trained.append([a.id for a in articles])
        return _Learner()

    monkeypatch.setattr(active_learning.Runner, "train", train)
    monkeypatch.setattr(active_learning, "shallow_encoder", lambda experiment, folder: Path("models/encoder-zh-small"))
    root = Path.cwd()
    record = {**yaml.safe_load(SHIPPED.read_text(encoding="utf-8")), "config": str(root / "configs/default.yaml"), "draws": 2, "start": 2,
              "queue_sizes": [3, 5], "random_sizes": [5], "pool_articles": 12, "pool": str(root / "data/gold/seeds.jsonl"),
              "test": str(root / "data/gold/seeds.jsonl"), "name": "al", "overrides": [f"schema={root}/configs/schema/hospital.yaml"]}
    path = tmp_path / "al.yaml"
    path.write_text(yaml.safe_dump(record, allow_unicode=True), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    first = call(active_learning.main, path)
    assert first.code == 0, first.err
    assert [len(t) for t in trained] == [2, 5, 3, 5] * 2
    start, chance, queue = trained[:3]
    assert chance[:2] == start == queue[:2]
    lengths = {a.id: len(a.text) for a in active_learning.Runner(read_experiment(path), report=tmp_path / "reports/al").pool}
    assert queue[2] == max((i for i in lengths if i not in start), key=lambda i: lengths[i])
    assert "random | 5" in first.out and len((tmp_path / "reports/al/rows.jsonl").read_text(encoding="utf-8").splitlines()) == 8
    with (tmp_path / "reports/al/rows.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"draw": 9, "cut')
    again = call(active_learning.main, path)
    assert again.code == 0 and len(trained) == 8 and again.out == first.out
    path.write_text(yaml.safe_dump({**record, "per": "character", "draws": 1}, allow_unicode=True), encoding="utf-8")
    assert call(active_learning.main, path).code == 0 and [len(t) for t in trained[8:]] == [2, 5, 3, 5], "rows of the other order do not count"
    start, chance, queue = trained[8:11]
    assert queue[2] == chance[2], "doubted alike for its length, none goes before another"
    path.write_text(yaml.safe_dump({**record, "seed": 14}, allow_unicode=True), encoding="utf-8")
    assert call(active_learning.main, path, "--only-table").code == 2
    assert json.loads((tmp_path / "reports/al/summary.json").read_text(encoding="utf-8"))["draws"] == [0]


def test_effort_is_the_same_for_every_size() -> None:
    assert [active_learning.epochs_for(400, n) for n in (20, 40, 53, 80, 1000)] == [15, 10, 8, 5, 5]
