"""Encoder sweeps: their files, which commands a row calls, that nothing is done twice, and the table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import BertForMaskedLM

from data.errors import UsageError
from models.embedded import embedded_config
from training import encoder_sweep as module
from training.config import load_config
from training.encoder_sweep import EncoderSweep, main, make_rows, read_encoder_sweep, run_encoder

FILE = Path("configs/pretrain/shapes.yaml")
PROBES: dict[str, Any] = {"public": {"config": str(Path("configs/bench/cluener.yaml").resolve()), "common": ["a=1"], "seeds": [13, 14]},
                          "task": {"config": "configs/default.yaml", "common": ["b=2"], "score": {"dev": "data/corpus@dev"}}}


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "lines.txt").write_text("县医院与市中心医院签署医联体合作协议。\n", encoding="utf-8")
    return str(tmp_path / "lines.txt")


def test_every_row_of_the_shipped_sweep_costs_the_same_and_scores_nothing_it_trains_on(text: str) -> None:
    sweep = read_encoder_sweep(FILE)
    assert sweep.name == FILE.stem
    rows, further = make_rows(sweep, [text])
    configs = [row.config for row in (*rows, *further)]
    assert len({(c.max_hours, c.max_tokens, c.threads) for c in configs}) == 1 and len({c.name for c in configs}) == len(configs)
    assert {c.init for c in configs} == {None, str(rows[0].encoder)}
    task = load_config(sweep.task.config, sweep.task.common)
    assert not set(task.data.train) & set(sweep.task.score.values())


def test_a_row_is_known_by_its_settings_and_its_text(text: str) -> None:
    def names(**changes: Any) -> list[str]:
        sweep = EncoderSweep(name="s", config="configs/pretrain.yaml", rows={"one": [], "two": ["seed=2"]},
                             further={"on": ["seed=3"]}, **PROBES, **changes)
        return [row.slug for part in make_rows(sweep, [text]) for row in part]

    before = names()
    assert before == names() and len(set(before)) == 3
    assert not set(names(common=["max_hours=0.5"])) & set(before)
    Path(text).write_text("另一篇文章。\n", encoding="utf-8")
    assert not set(names()) & set(before)


def test_a_row_is_pretrained_tried_and_not_done_twice(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = EncoderSweep(name="s", config="configs/pretrain.yaml", rows={"wide": [f"runs={tmp_path / 'runs'}"]}, **PROBES)
    (row,), _ = make_rows(sweep, [text])
    made: list[str] = []

    def answer(command: Sequence[str]) -> None:
        made.append(command[2])
        if "training.pretrain" in command:
            assert f"name={row.config.name}" in command and "out=null" in command
            BertForMaskedLM(embedded_config(vocab_size=50, layers=1, width=16, heads=2)).save_pretrained(row.encoder)
            log = [{"minutes": 0.5, "tokens": 300}, {"tokens": 400, "held_out_loss": 4.5, "masked_accuracy": 0.25}]
            (row.config.folder / "log.jsonl").write_text("\n".join(map(json.dumps, log)), encoding="utf-8")
        elif "training.bench" in command:
            folder = Path(command[command.index("--out") + 1])
            folder.mkdir(parents=True, exist_ok=True)
            rows = [{"parameters": 7_100_000, "seconds": 60.0, "macro": {"mean": 61.25, "spread": 0.5}}]
            (folder / "results.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")

    monkeypatch.setattr(module, "call", answer)
    monkeypatch.setattr(module, "run_row", lambda sweep, title: {
        "scores": {"dev": {"entities.micro": 0.9, "relations.micro": 0.8}}, "overrides": sweep.rows[title]})
    monkeypatch.chdir(tmp_path)
    first = run_encoder(sweep, row, tmp_path)
    assert made == ["training.pretrain", "training.bench"]
    assert first["task"]["overrides"] == [f"encoder={row.encoder}"]
    assert run_encoder(sweep, row, tmp_path) == first
    assert made[2:] == ["training.bench"]  # which keeps what it has scored itself
    lines = module.table("s", ["dev"], [first, {**first, "title": "on", "tokens": 12e6}]).splitlines()
    assert lines[2] == "| wide | 7.1 M | 0.1 | 0.0 M | 4.500 | 0.250 | 61.2 ± 0.5 | 0.900 | 0.800 | 60 |"
    assert lines[3].startswith("| on | 7.1 M | 0.1 | 12.0 M |") and len({line.count("|") for line in lines}) == 1


def test_further_rows_come_after_the_one_they_begin_with(tmp_path: Path, text: str, call, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    sweep = EncoderSweep(name="s", config="configs/pretrain.yaml", rows={"a": [], "b": ["seed=2"]}, further={"c": []}, **PROBES)
    done: list[str] = []

    def run(sweep: EncoderSweep, row: module.Row, data: Path) -> dict[str, str]:
        time.sleep(0.2 if row.title == "a" else 0.0)
        done.append(row.title)
        return {"title": row.title}

    monkeypatch.setattr(module, "read_encoder_sweep", lambda path: sweep)
    monkeypatch.setattr(module, "run_encoder", run)
    monkeypatch.setattr(module, "table", lambda name, sources, records: " ".join(r["title"] for r in records))
    monkeypatch.setattr(module, "publish", lambda name, text: print(text))
    said = call(main, FILE, "--text", text, "--data", tmp_path, "--jobs", "2")
    assert said.code == 0 and "a b c" in said.out and done == ["b", "a", "c"]


def test_wrong_usage_is_told_before_anything_is_trained(tmp_path: Path, text: str, call) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "s.yaml"
    path.write_text("name: s\nconfig: configs/pretrain.yaml\nrows: {a: [masking.kind=letter]}\nfoo: 1\n", encoding="utf-8")
    said = call(main, path, "--text", text, "--data", tmp_path)
    assert said.code == 2 and "foo" in said.err and "public" in said.err
    said = call(main, FILE, "--text", text, "--data", tmp_path, "--jobs", "0")
    assert said.code == 2 and "--jobs 1" in said.err
    said = call(main, FILE, "--text", tmp_path / "none", "--data", tmp_path)
    assert said.code == 1 and "no such text" in said.err
    sweep = EncoderSweep(name="s", config="configs/pretrain.yaml", rows={"a": ["masking.kind=letter"]}, **PROBES)
    with pytest.raises(UsageError, match="s: a"):
        make_rows(sweep, [text])
