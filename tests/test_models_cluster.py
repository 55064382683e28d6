"""A local Ray cluster of two workers writes what one process writes, and goes on where another run was stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
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


@pytest.mark.slow
def test_a_killed_run_goes_on_by_input_shard(source: Path, run_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray.data", reason="pip install -r requirements-ray.lock")
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    command = [sys.executable, "-m", "models.predict", "--model", run_folder, "--input", source, "--shard-articles", "1", "--output"]
    cluster = ["--engine-cluster", "ray", "--cluster-workers", "2"]
    subprocess.run([*command, tmp_path / "plain.jsonl"], check=True, capture_output=True)
    process = subprocess.Popen([*command, tmp_path / "out.jsonl", *cluster], stderr=subprocess.PIPE, env=environment)
    folder = tmp_path / "out.jsonl.part"
    while not list(folder.glob("0*.json")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL and 1 <= len(list(folder.glob("0*.json"))) <= 13
    said = subprocess.run([*command, tmp_path / "out.jsonl", *cluster], env=environment, capture_output=True, text=True)
    assert said.returncode == 0 and "12 articles" in said.stderr and "core_worker" not in said.stderr, said.stderr
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()
    assert (tmp_path / "out.errors.jsonl").read_bytes() == (tmp_path / "plain.errors.jsonl").read_bytes()
    assert json.loads((tmp_path / "out.summary.json").read_text())["articles_of_earlier_runs"] >= 1 and not folder.exists()


def test_without_ray_the_install_line_is_told(source: Path, run_folder: Path, tmp_path: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = call(main, "--model", run_folder, "--input", source, "--output", tmp_path / "out.jsonl", "--engine-cluster", "ray")
    assert said.code == 1 and "repair: pip install -r requirements-ray.lock" in said.err and not list(tmp_path.glob("out*"))
    assert call(main, "--model", run_folder, "--input", source, "--output", "-", "--engine-cluster", "ray").code == 2
    assert batch.SHARD_ARTICLES == 512
