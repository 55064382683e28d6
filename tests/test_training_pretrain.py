"""Pre-training on a few hundred lines with a tiny encoder: learns, resumes bit for bit after a kill, exports, distils."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, BertForMaskedLM, BertModel

from data.errors import UsageError
from data.sources import read_sources
from models.embedded import embedded_config
from models.vocabulary import build_tokenizer, seed_texts
from training import pretrain_state
from training.config import validated
from training.grow import grown
from training.ppmi import ppmi_embeddings
from training.pretrain import Pretraining, main, parse_arguments, read_config
from training.pretrain_config import EncoderShape, PretrainConfig
from training.pretrain_model import learning_rate_share, masked_logits
from training.throughput import matrix_peak, training_flops
from training.token_corpus import epoch_tokens, load_corpus, packed

TOKENS = 4096
Arguments = Callable[..., list[str]]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of our own corpus."""
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text("\n".join(a.text for a in read_sources(["data/corpus@dev"])[:20]), encoding="utf-8")
    return path


@pytest.fixture
def arguments(tmp_path: Path, text: Path) -> Arguments:
    def make(*overrides: str) -> list[str]:
        settings = ["name=t", f"runs={tmp_path}", "out=null", "encoder={layers: 1, width: 32, heads: 2}", "threads=1",
                    "stages=[{tokens: 32, share: 0.5}, {tokens: 64, share: 0.5}]", "batch_tokens=256", "precision=fp32",
                    "held_out=10", "save_tokens=512", "evaluate_tokens=2048", "max_hours=null", f"max_tokens={TOKENS}", *overrides]
        return ["--config", "configs/pretrain.yaml", "--text", str(text), *(part for s in settings for part in ("--set", s))]

    return make


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_the_shipped_config_is_legal_and_faults_come_together() -> None:
    args = parse_arguments(["--config", "configs/pretrain.yaml", "--text", "x", "--max-tokens", "7"])
    config = read_config(args)
    assert config.text == ["x"] and config.max_tokens == 7 and config.max_hours is not None
    with pytest.raises(UsageError) as caught:
        validated(PretrainConfig, {"name": "a b", "max_tokens": 1, "masking": {"rat": 0.5}}, place="c.yaml")
    assert "name" in str(caught.value) and "did you mean 'rate'" in str(caught.value)
    for wrong, said in (({"stages": [{"tokens": 32, "share": 0.5}]}, "add up to 1"), ({"max_tokens": None}, "no budget"),
                        ({"encoder": {"width": 33}}, "no multiple")):
        with pytest.raises(UsageError, match=said):
            validated(PretrainConfig, {"name": "a", "max_tokens": 1, **wrong}, place="c.yaml")


def test_it_learns_and_leaves_an_encoder_that_transformers_loads(arguments: Arguments, tmp_path: Path, call) -> None:
    said = call(main, *arguments("max_tokens=20480", "schedule.learning_rate=5.0e-3"))
    assert said.code == 0, said.err
    log = [json.loads(line) for line in (tmp_path / "t/log.jsonl").read_text(encoding="utf-8").splitlines()]
    scores = [r["held_out_loss"] for r in log if "held_out_loss" in r]
    assert len(scores) >= 5 and scores[-1] < scores[0] - 0.2
    assert {r["length"] for r in log if "length" in r} <= {32, 64}
    encoder = tmp_path / "t/encoder"
    assert all(t.dtype == torch.float16 for t in load_file(encoder / "model.safetensors").values())
    assert "masked accuracy" in (encoder / "README.md").read_text(encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model, report = AutoModelForMaskedLM.from_pretrained(encoder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert model(**tokenizer("医院", return_tensors="pt")).logits.shape == (1, 4, len(tokenizer))
    assert isinstance(BertModel.from_pretrained(encoder), BertModel)
    assert call(main, *arguments()).code == 2  # an earlier pre-training lies here


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_weights(arguments: Arguments, tmp_path: Path, call) -> None:
    assert call(main, *arguments("name=whole")).code == 0
    command = [sys.executable, "-m", "training.pretrain", *arguments("name=killed")]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoints = tmp_path / "killed/checkpoints"
    while started.poll() is None and not list(checkpoints.glob("step-*")):
        time.sleep(0.01)
    time.sleep(random.Random(0).random() * 0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    newest = pretrain_state.newest(checkpoints)
    assert newest is not None and not (tmp_path / "killed/encoder").exists()
    assert call(main, *arguments("name=killed"), "--resume").code == 0
    assert digest(tmp_path / "killed/encoder") == digest(tmp_path / "whole/encoder")


def test_a_checkpoint_of_other_settings_is_refused_but_the_budget_may_grow(arguments: Arguments, call) -> None:
    assert call(main, *arguments("max_tokens=1024")).code == 0
    other = call(main, *arguments("max_tokens=1024", "masking.rate=0.33"), "--resume")
    assert other.code == 2 and "masking" in other.err
    assert call(main, *arguments("max_tokens=2048"), "--resume").code == 0


def test_it_goes_on_from_an_encoder(arguments: Arguments, tmp_path: Path, call) -> None:
    assert call(main, *arguments("max_tokens=1024")).code == 0
    first = tmp_path / "t/encoder"
    said = call(main, *arguments("max_tokens=512", "name=second", f"init={first}", "schedule.learning_rate=1.0e-9"))
    assert said.code == 0, said.err
    old, new = (load_file(f / "model.safetensors") for f in (first, tmp_path / "second/encoder"))
    assert all(torch.allclose(old[k].float(), new[k].float(), atol=1e-3) for k in old)


def test_it_goes_on_in_another_shape(arguments: Arguments, tmp_path: Path, call) -> None:
    said = call(main, *arguments("encoder={layers: 2, width: 32, heads: 4}", "max_tokens=8192"))
    assert said.code == 0, said.err
    source = BertForMaskedLM.from_pretrained(tmp_path / "t/encoder", dtype=torch.float32).eval()
    ids = torch.arange(20, 50)[None]
    with torch.no_grad():
        same = grown(source, EncoderShape(layers=2, width=32, heads=4))(ids).logits
        # Two heads that score alike are one head of their mean: nothing changes but the width of a head.
        for layer in source.bert.encoder.layer:
            for linear in (layer.attention.self.query, layer.attention.self.key):
                for pairs in (linear.weight.view(2, 2, 8, 32), linear.bias.view(2, 2, 8)):
                    pairs[:, 1] = pairs[:, 0]
        before = source(ids).logits
        joined = grown(source, EncoderShape(layers=2, width=32, heads=2))
        after = joined.eval()(ids).logits
    assert same.shape == before.shape and torch.allclose(before, after, atol=1e-4)
    said = call(main, *arguments("name=u", f"init={tmp_path / 't/encoder'}", "grow={layers: 3, width: 32, heads: 2}"))
    assert said.code == 0, said.err
    assert BertForMaskedLM.from_pretrained(tmp_path / "u/encoder").config.num_hidden_layers == 3
    said = call(main, *arguments("name=v", f"init={tmp_path / 't/encoder'}", "grow={layers: 1, width: 32, heads: 2}"))
    assert said.code == 2 and "at least 2 layers" in said.err
    said = call(main, *arguments("name=w", "grow={layers: 1, width: 32, heads: 2}"))
    assert said.code == 2 and "nothing to grow" in said.err


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_every_parameter_moves(arguments: Arguments, optimiser: str) -> None:
    training = Pretraining(read_config(parse_arguments(arguments(f"schedule.optimiser={optimiser}", "schedule.warmup_share=0.0"))))
    training.start(resume=False)
    before = {n: p.detach().clone() for n, p in training.model.named_parameters()}
    batches = training.batches()
    for _ in range(2):
        training.step(next(batches))
    # The second token type never occurs in plain text.
    still = [n for n, p in training.model.named_parameters() if torch.equal(p, before[n])]
    assert still == []


def test_a_teacher_of_the_same_characters_helps(arguments: Arguments, tmp_path: Path, call) -> None:
    tokenizer = build_tokenizer(seed_texts())
    config = embedded_config(vocab_size=len(tokenizer), layers=2, width=48, heads=4)
    BertForMaskedLM(config).save_pretrained(tmp_path / "teacher")
    tokenizer.save_pretrained(tmp_path / "teacher")
    training = Pretraining(read_config(parse_arguments(arguments(f"distil={{teacher: {tmp_path / 'teacher'}}}"))))
    assert training.teacher is not None
    frozen = {n: p.detach().clone() for n, p in training.teacher.model.named_parameters()}
    training.start(resume=False)
    training.learner.train()
    ids, positions, _ = next(training.batches())
    logits, states = masked_logits(training.model, ids, positions)
    loss = training.teacher(ids, positions, logits, states)
    # A student that guesses and looks as the teacher does has nothing to learn.
    teacher = training.teacher.model
    with torch.no_grad():
        output = teacher(input_ids=ids, output_hidden_states=True)
    training.teacher.project = torch.nn.Identity()
    same = training.teacher(ids, positions, output.logits.flatten(0, 1)[positions], output.hidden_states[-1])
    assert float(same.detach()) == pytest.approx(0.0, abs=1e-3) and float(loss.detach()) > 0.1
    assert all(torch.equal(p, frozen[n]) for n, p in teacher.named_parameters()) and not teacher.training
    said = call(main, *arguments("name=u", f"distil={{teacher: {tmp_path / 'none'}}}"))
    assert said.code == 1 and "no teacher" in said.err


def test_the_encoder_may_be_compiled(arguments: Arguments, call, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for ``model.bert`` need not be a module that knows its length."""
    seen = []
    monkeypatch.setattr(torch, "compile", lambda module, **options: seen.append(options) or module)
    monkeypatch.setattr(BertModel, "__len__", lambda self: pytest.fail("asked for a length"), raising=False)
    said = call(main, *arguments("compile=on", "max_tokens=512"))
    assert said.code == 0 and len(seen) == 1, said.err


def test_two_processes_share_the_batches_of_one_training(arguments: Arguments, tmp_path: Path) -> None:
    def run(*overrides: str) -> str:
        ended = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
                                "training.pretrain", *arguments(*overrides)], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    said = run("schedule.learning_rate=5.0e-3")
    assert said.count("held-out loss") == 1  # one of them speaks
    log = [json.loads(line) for line in (tmp_path / "t/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert log[-1]["tokens"] == TOKENS and len([r for r in log if "held_out_loss" in r]) == 2
    run("name=u", "schedule.learning_rate=5.0e-3")
    assert digest(tmp_path / "u/encoder") == digest(tmp_path / "t/encoder")


def test_packed_sequences_hold_every_token_once_in_order(text: Path, tmp_path: Path) -> None:
    tokenizer = build_tokenizer(seed_texts())
    corpus = load_corpus([text], tokenizer, weights={"医院": 2.0}, words=False, cache=tmp_path)
    again = load_corpus([text], tokenizer, weights={"医院": 2.0}, words=False, cache=tmp_path)
    assert np.array_equal(corpus.ids, again.ids) and corpus.counts == again.counts and len(list(tmp_path.iterdir())) == 1
    train, held = corpus.split(10)
    assert len(train.ids) + len(held.ids) == len(corpus.ids) and len(held.weights) == -(-len(corpus.weights) // 10)
    tokens, words = epoch_tokens(train, seed=1, epoch=0, sep_id=3)
    assert not np.array_equal(tokens, epoch_tokens(train, seed=1, epoch=1, sep_id=3)[0])
    lines = {bytes(corpus.ids[s:e]) for s, e in zip(corpus.line_starts, corpus.line_starts[1:], strict=False)}
    read = [bytes(part[part != 3]) for part in np.split(tokens, np.flatnonzero(tokens == 3) + 1) if len(part)]
    assert set(read) <= lines and len(read) == len(set(read)) < len(train.weights)  # light lines are left out at times
    ids, begins = packed(tokens, words, place=31, rows=3, length=32, cls_id=2)
    assert np.array_equal(ids[:, 1:].reshape(-1), tokens[31 : 31 + 93]) and (ids[:, 0] == 2).all() and begins.all()


def test_word_starts_come_from_the_segmenter(text: Path, tmp_path: Path) -> None:
    pytest.importorskip("rjieba", reason="whole-word masking is an extra: pip install 'qianyue[pretrain]'")
    corpus = load_corpus([text], build_tokenizer(seed_texts()), weights={}, words=True, cache=tmp_path)
    assert 0.4 < corpus.word_starts.mean() < 0.8


def test_embeddings_from_counts_put_characters_of_like_company_together() -> None:
    rng = np.random.default_rng(0)
    # 10 and 11 stand between the same neighbours, 12 between others.
    parts = [[20, 10, 21], [20, 11, 21], [30, 12, 31]]
    ids = np.array([t for i in rng.integers(0, 3, 4000) for t in (*parts[i], 40)], dtype=np.uint16)
    vectors = torch.nn.functional.normalize(ppmi_embeddings(ids, vocab_size=50, width=8, window=1), dim=1)
    assert float(vectors[10] @ vectors[11]) > 0.9 > 0.5 > float(vectors[10] @ vectors[12])
    assert vectors.shape == (50, 8) and not vectors[49].any()


def test_the_schedule_warms_up_stays_and_falls() -> None:
    options = PretrainConfig(name="a", max_tokens=1).schedule
    assert [round(learning_rate_share(p, options), 3) for p in (0.0, 0.015, 0.03, 0.5, 0.8, 1.0)] == [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]


def test_operations_are_counted_as_the_layers_do_them() -> None:
    model = BertForMaskedLM(embedded_config(vocab_size=100, layers=1, width=8, heads=2))
    inner = 4 * 8 * 8 + 2 * 8 * 32
    assert training_flops(model, length=16, masked_share=0.5) == 6 * (inner + 2 * 16 * 8 + 0.5 * (64 + 800))
    assert matrix_peak(torch.device("cpu"), bf16=False, repeats=1) > 1e8
