"""A local Ray cluster of two workers writes what one process writes, and goes on where another run was stopped."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from data.article import Article, dump_line
from models import batch, parts
from models.predict import main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    lines = [dump_line(Article(id=f"n{n}", text=f"{n}月8日，甲市中心医院与乙县人民医院签约。")) for n in range(1, 13)]
    path.write_text("\n".join([*lines, "{oops"]) + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_two_workers_write_what_one_process_writes(source: Path, run_folder: Path, tmp_path: Path, call,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="pip install -r requirements-ray.lock")
    pytest.importorskip("ray.data", reason="pip install -r requirements-ray.lock")
    monkeypatch.setitem(os.environ, "RAY_worker_niceness", "0")
    monkeypatch.setitem(os.environ, "PYTHONPATH", os.getcwd())
    command = ["--model", run_folder, "--input", source, "--shard-articles", "3", "--output"]
    assert call(main, *command, tmp_path / "one.jsonl").code == 0
    commit = parts.PartStore.commit

    def stopping(self: parts.PartStore, shard: int, *args: object) -> None:
        if shard == 2:
            raise KeyboardInterrupt
        commit(self, shard, *args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.PartStore, "commit", stopping)
        assert call(main, *command, tmp_path / "two.jsonl").code == 130
    try:
        said = call(main, *command, tmp_path / "two.jsonl", "--engine-cluster", "ray", "--cluster-workers", 2)
    finally:
        ray.shutdown()
    assert said.code == 0 and "12 articles" in said.err, said.err
    for name in ("jsonl", "errors.jsonl"):
        assert (tmp_path / f"two.{name}").read_bytes() == (tmp_path / f"one.{name}").read_bytes()
    assert json.loads((tmp_path / "two.summary.json").read_text())["articles_of_earlier_runs"] == 6


def test_without_ray_the_install_line_is_told(source: Path, run_folder: Path, tmp_path: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = call(main, "--model", run_folder, "--input", source, "--output", tmp_path / "out.jsonl", "--engine-cluster", "ray")
    assert said.code == 1 and "repair: pip install -r requirements-ray.lock" in said.err and not list(tmp_path.glob("out*"))
    assert call(main, "--model", run_folder, "--input", source, "--output", "-", "--engine-cluster", "ray").code == 2
    assert batch.SHARD_ARTICLES == 512
