"""The page over all runs: one row a run, differences of config, broken folders that cost only themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import run_command
from eval.index import collect, config_differences, flat, main, refresh_index, write_index


def metrics(f1: float = 0.5, **extra: Any) -> dict[str, Any]:
    score = {"precision": f1, "recall": f1, "f1": f1, "interval": [f1 - 0.1, f1 + 0.1], "support": 9, "predicted": 9}
    return {"articles": 3, "schema": "hospital", "entities": {"micro": score}, "relations": {"micro": score},
            "events": {"parties": score}, **extra}


def put(root: Path, name: str, record: Any) -> None:
    (root / name).mkdir(parents=True)
    (root / name / "metrics.json").write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")


def test_rows_come_newest_first_and_broken_folders_are_named(tmp_path: Path) -> None:
    put(tmp_path, "old", metrics(provenance={"finished": "2024-01-02T03:04:05Z", "gold_sha256": "ab" * 32, "git": "abc1234",
                                             "cost": {"train_seconds": 12}, "peak_memory_mib": 900}))
    put(tmp_path, "deep/new", metrics(provenance={"finished": "2025-01-02T03:04:05Z"}, seen_in_training=["a"],
                                      cost={"seconds": 3.5, "peak_memory_mib": 7, "energy_joules": None, "training": {"seconds": 60, "energy_joules": 5}}))
    put(tmp_path, "broken", "{")
    put(tmp_path, "list", [1])
    put(tmp_path, "odd", metrics() | {"entities": {}})
    put(tmp_path, ".hidden", metrics())
    rows, faults = collect(tmp_path)
    assert [(r.name, r.finished) for r in rows] == [("deep/new", "2025-01-02 03:04"), ("old", "2024-01-02 03:04")]
    new, old = rows
    assert (old.training_seconds, old.memory_mib, old.git, old.data, old.seconds) == (12, 900, "abc1234", "abababab", None)
    assert (new.training_seconds, new.memory_mib, new.energy_joules, new.seconds, new.seen, new.href) == (60, 7, 5, 3.5, 1, None)
    assert [f.split(":")[0] for f in faults] == ["broken/metrics.json", "list/metrics.json", "odd/metrics.json"]
    write_index(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "3 folders could not be read" in page and "deep/new" in page


def test_only_settings_that_differ_are_shown(tmp_path: Path) -> None:
    for name, rate, extra in (("a", 1, {}), ("b", 1, {}), ("c", 2, {"new": True})):
        put(tmp_path, name, metrics(provenance={"config": {"name": name, "optimiser": {"rate": rate}, "seed": 1, **extra}}))
    put(tmp_path, "scored-only", metrics(provenance={"config": {}}))
    rows, _ = collect(tmp_path)
    assert config_differences(rows) == {"a": {}, "b": {}, "c": {"new": "true", "optimiser.rate": "2"}}
    assert flat({"a": {"b": [1], "c": "x"}}) == {"a.b": "[1]", "a.c": "x"}


def test_names_are_text_and_links_are_quoted(tmp_path: Path) -> None:
    put(tmp_path, "x <b>&?#", metrics())
    (tmp_path / "x <b>&?#" / "index.html").write_text("page", encoding="utf-8")
    write_index(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="x%20%3Cb%3E%26%3F%23/index.html"' in page and "x &lt;b&gt;&amp;?#" in page and "<b>" not in page


def test_the_best_of_each_data_set_is_bold(tmp_path: Path) -> None:
    for name, f1, data in (("a", 0.5, "1" * 64), ("b", 0.6, "1" * 64), ("c", 0.2, "2" * 64)):
        put(tmp_path, name, metrics(f1, provenance={"gold_sha256": data}))
    write_index(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    bold = {row.split("</th>")[0].rsplit(">", 1)[-1] for row in page.split("<tr data-set")[1:] if "n best" in row}
    assert bold == {"b", "c"}


def test_refreshing_never_overwrites_what_is_not_ours(tmp_path: Path) -> None:
    mine = tmp_path / "site"
    put(mine, "run", metrics())
    refresh_index(mine / "run")
    assert not (mine / "index.html").exists()  # a folder of another name gets no index unasked
    (mine / "index.html").write_text("my own page", encoding="utf-8")
    refresh_index(mine / "run")
    assert (mine / "index.html").read_text(encoding="utf-8") == "my own page"
    assert run_command(main, [str(mine)]) == 2
    reports = tmp_path / "reports"
    put(reports, "run", metrics())
    refresh_index(reports / "run")
    assert "run" in (reports / "index.html").read_text(encoding="utf-8")
    put(reports, "second-run", metrics())
    (mine / "index.html").write_bytes((reports / "index.html").read_bytes())
    refresh_index(reports / "second-run")
    assert "second-run" in (reports / "index.html").read_text(encoding="utf-8")
    refresh_index(mine / "run")  # once an index of ours stands there, it is kept up
    assert "second-run" not in (mine / "index.html").read_text(encoding="utf-8")


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(main, [str(tmp_path / "none")]) == 1
    assert run_command(main, [str(tmp_path)]) == 1
    assert "no evaluation here" in capsys.readouterr().err
    put(tmp_path, "run", metrics())
    put(tmp_path, "broken", "{")
    assert run_command(main, [str(tmp_path), "--lang", "zh"]) == 0
    said = capsys.readouterr()
    assert "skipped: broken/metrics.json" in said.err and "1 evaluations" in said.out
    assert '<html lang="zh-CN">' in (tmp_path / "index.html").read_text(encoding="utf-8")
