"""The whole main job on two excerpts of the seeds with a tiny encoder: reproducible, resumable after a kill, distributed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from data.article import Article, read_jsonl, write_jsonl
from data.schema import Schema
from data.validate import validate_articles
from training.config import load_config
from training.train import main
from training.trainer import SigningTrainer, checkpoint_folder, last_complete_checkpoint, training_arguments

EXCERPT = 420
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


def excerpt(article: Article) -> Article:
    """The first characters of an article with what is annotated inside them."""
    entities = tuple(e for e in article.entities if e.char_end <= EXCERPT)
    kept = {e.id for e in entities}
    return replace(article, text=article.text[:EXCERPT], entities=entities, clusters=(),
                   relations=tuple(r for r in article.relations if {r.head, r.tail} <= kept),
                   events=tuple(replace(v, evidence=tuple(i for i in v.evidence if i in kept)) for v in article.events))


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory, seeds: list[Article]) -> Path:
    path = tmp_path_factory.mktemp("gold") / "two.jsonl"
    articles = [excerpt(seeds[1]), excerpt(seeds[4])]
    assert not validate_articles(articles) and all(a.relations for a in articles)
    write_jsonl(path, articles)
    return path


@pytest.fixture
def arguments(tmp_path: Path, gold: Path, tiny_encoder: Path) -> Callable[..., list[str]]:
    """``training.train`` arguments for ``configs/ci.yaml`` made tiny: eight steps, one article each."""

    def make(name: str = "t", *overrides: str) -> list[str]:
        settings = [f"name={name}", f"encoder={tiny_encoder}", f"data.train=[{gold}]", f"runs={tmp_path / 'runs'}",
                    f"reports={tmp_path / 'reports'}", "save_every=2", "threads=1", "windows.max_tokens=64",
                    "windows.overlap_tokens=16", "optimiser.batch_tokens=64", "optimiser.epochs=4", *overrides]
        return ["--config", "configs/ci.yaml", *(part for s in settings for part in ("--set", s))]

    return make


def weights_of(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


KILLER = """
import os, signal, sys
import training.train
from training.trainer import SigningTrainer
method, count = sys.argv[1], int(sys.argv[2])
original = getattr(SigningTrainer, method)
calls = 0
def killing(self, *args, **kwargs):
    global calls
    calls += 1
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, *args, **kwargs)
setattr(SigningTrainer, method, killing)
training.train.main(sys.argv[3:])
"""


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd(), **environment})


def test_a_run_leaves_model_scores_and_report(tmp_path: Path, arguments: Callable[..., list[str]], call, gold: Path) -> None:
    said = call(main, *arguments())
    run, report = tmp_path / "runs" / "t", tmp_path / "reports" / "t"
    assert said.code == 0 and "training on 2 articles" in said.out and str(report / "index.html") in said.out
    assert {p.name for p in run.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                                               "run.yaml", "schema.yaml", "metrics.json", "README.md"}
    assert not [p for p in (tmp_path / "runs").rglob("*") if p.suffix in PICKLES or p.name.startswith(".")]
    assert {p.name for p in report.iterdir()} >= {"index.html", "metrics.json", "predictions.jsonl", "gold.jsonl"}
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["articles"] == 2 and set(metrics["baselines"]) == {"rules", "majority"}
    assert metrics["coverage"]["tokens_outside_every_window"] == 0
    assert metrics["coverage"]["gold_entities_no_token_span_expresses"] == 0
    assert metrics["seen_in_training"] == [a.id for a in read_jsonl(gold)]
    assert metrics["provenance"]["cost"]["steps"] == 8
    assert "seen in training: not a test score" in said.out
    assert "not a test score" in (run / "README.md").read_text(encoding="utf-8")
    resolved = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))
    assert resolved["optimiser"]["batch_tokens"] == 64 and resolved["data"]["train"] == [str(gold)]
    predicted = read_jsonl(report / "predictions.jsonl")
    assert [a.id for a in predicted] == [a.id for a in read_jsonl(gold)] and not validate_articles(predicted)


def test_same_seed_same_weights_other_seed_others(tmp_path: Path, arguments: Callable[..., list[str]], call) -> None:
    for name, seed in (("a", 13), ("b", 13), ("c", 14)):
        assert call(main, *arguments(name, f"seed={seed}", "optimiser.epochs=2")).code == 0
    first, again, other = (weights_of(tmp_path / "runs" / name) for name in "abc")
    assert first == again != other
    one, two = (json.loads((tmp_path / "runs" / name / "metrics.json").read_text(encoding="utf-8")) for name in "ab")
    assert one["entities"] == two["entities"] and one["provenance"]["train_sha256"] == two["provenance"]["train_sha256"]


def test_what_is_learned_lies_in_every_weight(tmp_path: Path, arguments: Callable[..., list[str]], call) -> None:
    from safetensors.torch import load_file

    for name, epochs in (("short", 1), ("long", 2)):
        assert call(main, *arguments(name, f"optimiser.epochs={epochs}")).code == 0
    short, long = (load_file(tmp_path / "runs" / name / "model.safetensors") for name in ("short", "long"))
    assert [k for k in short if torch.equal(short[k], long[k])] == []


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["at a random step", "while it writes a checkpoint"])
def test_a_killed_run_resumes_to_the_very_same_weights(
    tmp_path: Path, arguments: Callable[..., list[str]], call, moment: str
) -> None:
    step = random.randint(1, 8)
    # The random state is written after weights and optimiser, before the file that makes a checkpoint whole.
    method, count = ("training_step", step) if moment == "at a random step" else ("_save_rng_state", 2)
    assert call(main, *arguments("whole")).code == 0
    killed = start("-c", KILLER, method, str(count), *arguments("killed"))
    run = tmp_path / "runs" / "killed"
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert not (run / "model.safetensors").exists()
    checkpoints = sorted(p.name for p in (run / "checkpoints").glob("checkpoint-*"))
    last = last_complete_checkpoint(run / "checkpoints")
    if moment == "at a random step":
        # Step n is killed before its update: n - 1 updates are done, and every second one is kept.
        assert (last.name if last else None) == (f"checkpoint-{(step - 1) // 2 * 2}" if step > 2 else None)
    else:
        assert checkpoints == ["checkpoint-2", "checkpoint-4"] and last and last.name == "checkpoint-2"
    said = call(main, *arguments("killed"), "--resume")
    assert said.code == 0
    assert weights_of(run) == weights_of(tmp_path / "runs" / "whole"), f"killed at step {step}"
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["provenance"]["cost"]["steps"] == 8
    assert metrics["provenance"]["cost"]["resumed_from"] == (last.name if last else None)
    assert not (run / "checkpoints").exists()


@pytest.mark.slow
def test_torchrun_with_two_processes(tmp_path: Path, arguments: Callable[..., list[str]]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ended = start("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--master-port", str(port),
                  "-m", "training.train", *arguments("two"))
    assert ended.returncode == 0, ended.stderr[-3000:]
    run = tmp_path / "runs" / "two"
    assert (run / "model.safetensors").is_file() and not (run / "checkpoints").exists()
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["provenance"]["cost"]["steps"] == 4  # two batches a step
    assert ended.stdout.count("model:  ") == 1
    from models.run_folder import load_predictor

    assert next(load_predictor(run).predict([Article(id="a", text="甲院与乙院签约。")])).id == "a"


def test_dev_is_scored_while_training_and_sets_the_thresholds(tmp_path: Path, arguments: Callable[..., list[str]], call, gold: Path, seeds: list[Article]) -> None:
    dev = tmp_path / "dev.jsonl"
    write_jsonl(dev, [excerpt(seeds[2])])
    said = call(main, *arguments("d", f"data.dev=[{dev}]", "evaluate_every=2"))
    assert said.code == 0
    metrics = json.loads((tmp_path / "runs" / "d" / "metrics.json").read_text(encoding="utf-8"))
    scored = [line["step"] for line in metrics["provenance"]["log"] if "eval_entity_f1" in line]
    assert set(scored) == {4, 8}
    assert metrics["seen_in_training"] == [] and metrics["articles"] == 1
    config = json.loads((tmp_path / "runs" / "d" / "config.json").read_text(encoding="utf-8"))
    assert config["qianyue"]["thresholds"] == metrics["thresholds"]
    assert all(0.2 <= metrics["thresholds"][r["name"]] <= 0.8 for r in config["qianyue"]["schema"]["relations"])
    assert all(0.0 <= metrics["thresholds"][label] <= 0.8 for label in config["qianyue"]["schema"]["labels"])


def test_dev_is_scored_once_a_step(tmp_path: Path, arguments: Callable[..., list[str]], call, seeds: list[Article]) -> None:
    dev = tmp_path / "dev.jsonl"
    write_jsonl(dev, [excerpt(seeds[2])])
    assert call(main, *arguments("d", f"data.dev=[{dev}]", "evaluate_every=1", "optimiser.epochs=1")).code == 0
    log = json.loads((tmp_path / "runs" / "d" / "metrics.json").read_text(encoding="utf-8"))["provenance"]["log"]
    assert [line["step"] for line in log if "eval_entity_f1" in line] == [2]


def test_an_unfinished_run_begun_anew_says_so(tmp_path: Path, arguments: Callable[..., list[str]], call) -> None:
    left = tmp_path / "runs" / "n" / "checkpoints" / "checkpoint-2"
    left.mkdir(parents=True)
    (left / "trainer_state.json").write_text("{}", encoding="utf-8")
    said = call(main, *arguments("n", "optimiser.epochs=1"))
    assert said.code == 0 and "--resume would have gone on" in said.out and not left.exists()


class TestCheckpoints:
    def make(self, folder: Path, step: int, state: str | None) -> Path:
        path = folder / f"checkpoint-{step}"
        path.mkdir(parents=True)
        if state is not None:
            (path / "trainer_state.json").write_text(state, encoding="utf-8")
        return path

    def test_the_newest_by_number(self, tmp_path: Path) -> None:
        for step in (8, 100, 20):
            self.make(tmp_path, step, "{}")
        found = last_complete_checkpoint(tmp_path)
        assert found and found.name == "checkpoint-100"

    @pytest.mark.parametrize("state", [None, "", '{"global_step": 1'])
    def test_one_cut_short_is_passed_over(self, tmp_path: Path, state: str | None) -> None:
        whole = self.make(tmp_path, 2, "{}")
        self.make(tmp_path, 4, state)
        assert last_complete_checkpoint(tmp_path) == whole

    def test_none(self, tmp_path: Path) -> None:
        assert last_complete_checkpoint(tmp_path / "missing") is None
        self.make(tmp_path, 2, None)
        assert last_complete_checkpoint(tmp_path) is None


def test_rates_and_decay_by_group(tmp_path: Path, make_model: Callable[..., Any], hospital: Schema) -> None:
    config = load_config("configs/ci.yaml", [f"runs={tmp_path}", "optimiser.learning_rate=0.001", "optimiser.head_learning_rate=0.01",
                                             "optimiser.weight_decay=0.5"])
    model = make_model(hospital)
    trainer = SigningTrainer(config=config, model=model, stream=[], score=None,  # type: ignore[arg-type]
                             args=training_arguments(config, steps_per_epoch=1, bf16=False))
    optimiser = trainer.create_optimizer()
    of = {id(p): (g["lr"], g["weight_decay"]) for g in optimiser.param_groups for p in g["params"]}
    assert len(of) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        is_head = name.startswith(("classifier", "relation_head"))
        plain = name.endswith("bias") or "LayerNorm" in name
        assert of[id(parameter)] == (0.01 if is_head else 0.001, 0.0 if plain else 0.5), name
    assert checkpoint_folder(config) == tmp_path / "ci" / "checkpoints"
