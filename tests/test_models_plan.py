"""The reckoned table: more workers help until the reader or the disk holds them up."""

from __future__ import annotations

import pytest

from models.plan import Load, main, plan

LOAD = Load(articles=1_000_000, article_chars=1000, worker_chars=1e5, reader_chars=1e7, output_bytes=1000, disk_bytes=1e9)


def test_the_bottleneck_moves_from_the_model_to_the_reader() -> None:
    assert plan(LOAD, 1).hours == pytest.approx(1e9 / 1e5 / 3600) and plan(LOAD, 1).bottleneck == "model"
    assert plan(LOAD, 10).hours == pytest.approx(plan(LOAD, 1).hours / 9)
    assert plan(LOAD, 1000).bottleneck == "reader" and plan(LOAD, 2000).hours == plan(LOAD, 1000).hours


def test_the_command(call) -> None:
    said = call(main, "--worker-chars", 25000)
    assert said.code == 0 and "100,000,000 articles" in said.out and "| 2048 | 64 |" in said.out
    assert call(main, "--worker-chars", 0).code == 2
