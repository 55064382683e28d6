"""``python -m training.pretrain --config C --text PATH…``: masked-language-model training of the embedded encoder."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast
from tqdm import tqdm
from transformers import BertForMaskedLM, PreTrainedTokenizerBase

from data.errors import EXIT_OK, UsageError, run_command
from models.attention import PLAIN
from models.engines import native_bf16
from models.run_folder import quietly
from training import pretrain_state
from training.config import read_record, validated
from training.distil import Teacher
from training.masking import mask
from training.ppmi import ppmi_embeddings
from training.pretrain_card import encoder_card
from training.pretrain_config import Masking, PretrainConfig
from training.pretrain_model import (
    build_model,
    export,
    learning_rate_share,
    make_optimisers,
    masked_logits,
    masked_loss,
    set_embeddings,
    tokenizer_of,
)
from training.pretrain_state import State
from training.ranks import mean_gradients, threads_of_process
from training.throughput import matrix_peak, training_flops
from training.token_corpus import can_segment, epoch_tokens, load_corpus, packed

LOG_SECONDS = 10.0
HELD_OUT_TOKENS = 65536
# Held-out lines are masked alike whatever the training masks, so that runs can be compared.
HELD_OUT_MASKING = Masking(kind="token", rate=0.15)


class Pretraining:
    """One pre-training: model, text, optimisers, and where it stands."""

    def __init__(self, config: PretrainConfig) -> None:
        self.config, self.ranks = config, PartialState(cpu=not torch.cuda.is_available())
        self.device = self.ranks.device
        self.tokenizer: PreTrainedTokenizerBase = tokenizer_of(config)
        words = config.masking.kind == "word" or can_segment()
        with self.ranks.main_process_first():  # it writes the cache
            corpus = load_corpus(config.text, self.tokenizer, weights=config.weights, words=words,
                                 cache=Path(config.runs) / "cache")
        self.counts = corpus.counts
        self.train_text, self.held_out = corpus.split(config.held_out)
        if len(self.held_out.ids) < config.stages[0].tokens:
            raise UsageError(f"the held-out lines have only {len(self.held_out.ids)} tokens", place="held_out",
                             repair=f"--set held_out={max(2, config.held_out // 20)}, or give more text")
        self.model: BertForMaskedLM = build_model(config, len(self.tokenizer))
        self.bf16 = {"auto": native_bf16(), "bf16": True, "fp32": False}[config.precision]
        if self.bf16 and self.device.type == "cpu":
            self.model.set_attn_implementation(PLAIN)
        if config.gradient_checkpointing:
            self.model.gradient_checkpointing_enable()
        self.teacher = Teacher(config.distil, self.tokenizer, student_width=self.model.config.hidden_size
                               ) if config.distil else None
        self.learner = torch.nn.ModuleDict({"student": self.model, **({"teacher": self.teacher} if self.teacher else {})})
        self.learner.to(self.device)
        self.optimisers = make_optimisers(self.learner, config.schedule)
        self.state = State()
        compiled = config.compile == "on" or (config.compile == "auto" and self.device.type == "cuda")
        self.encode = torch.compile(self.model.bert, dynamic=False) if compiled else self.model.bert
        self.peak = matrix_peak(self.device, bf16=self.bf16)

    def start(self, *, resume: bool) -> None:
        """Take up the newest checkpoint, or begin with fresh embeddings."""
        checkpoint = pretrain_state.newest(self.config.folder / "checkpoints")
        if resume and checkpoint:
            self.state = pretrain_state.load(checkpoint, self.learner, self.optimisers, self.config.resolved())
            self.ranks.print(f"goes on from {checkpoint.name}: {self.state.tokens:,} tokens, "
                             f"{self.state.seconds / 60:.1f} minutes")
        elif self.config.ppmi and not self.config.init:
            width = self.model.config.hidden_size
            free = width - width // self.model.config.num_attention_heads
            set_embeddings(self.model, ppmi_embeddings(
                self.train_text.ids, vocab_size=len(self.tokenizer), width=free, seed=self.config.seed))

    @property
    def progress(self) -> float:
        """Share of the budget that is used up, 1 at the end."""
        used = [self.state.tokens / self.config.max_tokens] if self.config.max_tokens else []
        used += [self.state.seconds / 3600 / self.config.max_hours] if self.config.max_hours else []
        return max(used)

    def length(self) -> int:
        """Sequence length of the stage that the budget is in."""
        done = 0.0
        for stage in self.config.stages:
            done += stage.share
            if self.progress < done - 1e-9:
                return stage.tokens
        return self.config.stages[-1].tokens

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Batches from where the state stands on; the same state gives the same batches."""
        cls_id, sep_id = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        while True:
            tokens, words = epoch_tokens(self.train_text, seed=self.config.seed, epoch=self.state.epoch, sep_id=sep_id)
            while True:
                length = self.length()
                count = self.ranks.num_processes
                rows = max(1, self.config.batch_tokens // length // count) * count
                if self.state.place + rows * length > len(tokens):
                    break
                ids, begins = packed(tokens, words, place=self.state.place, rows=rows, length=length, cls_id=cls_id)
                self.state.place += rows * (length - 1)
                own = slice(self.ranks.process_index, None, count)
                dice = np.random.default_rng((self.config.seed, self.state.step, self.ranks.process_index))
                yield self._masked(ids[own], begins[own], dice, self.config.masking)
            if self.state.place == 0:
                raise UsageError(f"the text is shorter than one batch: {len(tokens)} tokens", place="text",
                                 repair=f"--set batch_tokens={max(64, len(tokens) // 4)}, or give more text")
            self.state.epoch, self.state.place = self.state.epoch + 1, 0

    def _masked(self, ids: np.ndarray, begins: np.ndarray, rng: np.random.Generator, options: Masking
                ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        made = mask(ids, begins, rng, kind=options.kind, rate=options.rate, mask_id=self.tokenizer.mask_token_id,
                    special_below=len(self.tokenizer.all_special_ids), vocab_size=len(self.tokenizer))
        return (torch.from_numpy(made.input_ids).to(self.device), torch.from_numpy(made.positions).to(self.device),
                torch.from_numpy(made.targets).to(self.device))

    def _precision(self) -> Any:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def step(self, batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> float:
        """One update; returns the loss of the masked tokens."""
        ids, positions, targets = batch
        share = learning_rate_share(self.progress, self.config.schedule)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["full_lr"] * share
        with self._precision():
            logits, states = masked_logits(self.model, ids, positions, self.encode)
            loss = masked_loss(logits, targets)
            total = loss if self.teacher is None else loss + self.teacher(ids, positions, logits, states)
        total.backward()
        mean_gradients(self.ranks, self.learner.parameters())
        torch.nn.utils.clip_grad_norm_([p for p in self.learner.parameters() if p.requires_grad],
                                       self.config.schedule.max_grad_norm)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        return float(loss.detach())

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Loss and accuracy on hidden tokens of held-out lines, the same ones every time."""
        self.model.eval()
        length = self.config.stages[0].tokens
        tokens, words = epoch_tokens(self.held_out, seed=0, epoch=0, sep_id=self.tokenizer.sep_token_id)
        rows = max(1, min(self.config.batch_tokens, len(tokens)) // length)
        loss = correct = count = 0.0
        for number in range(min(HELD_OUT_TOKENS, len(tokens)) // (rows * (length - 1))):
            ids, begins = packed(tokens, words, place=number * rows * (length - 1), rows=rows, length=length,
                                 cls_id=self.tokenizer.cls_token_id)
            ids_in, positions, targets = self._masked(ids, begins, np.random.default_rng(number), HELD_OUT_MASKING)
            with self._precision():
                logits, _ = masked_logits(self.model, ids_in, positions)
            loss += float(masked_loss(logits, targets)) * len(targets)
            correct += float((logits.argmax(-1) == targets).sum())
            count += len(targets)
        self.model.train()
        return {"held_out_loss": round(loss / count, 4), "masked_accuracy": round(correct / count, 4)}

    def run(self) -> None:
        """Train until the budget is used up, logging, scoring and saving on the way."""
        log = self.config.folder / "log.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        checkpoints = self.config.folder / "checkpoints"
        self.learner.train()
        bar = tqdm(total=100, desc="budget", unit="%", bar_format="{desc} {n:.1f}% |{bar}| {elapsed} {postfix}",
                   disable=not self.ranks.is_main_process)
        began, since, seen, losses = time.monotonic(), time.monotonic(), 0, list[float]()
        spent = self.state.seconds
        for batch in self.batches():
            if self.progress >= 1:
                break
            before = self.state.tokens
            losses.append(self.step(batch))
            self.state.step += 1
            read = batch[0].numel() * self.ranks.num_processes
            self.state.tokens += read
            seen += read
            # The first one's clock: all must end, and change the length of sequences, at the same step.
            seconds = torch.tensor(spent + time.monotonic() - began, dtype=torch.float64, device=self.device)
            self.state.seconds = float(broadcast(seconds))
            if not self.ranks.is_main_process:
                continue
            if (gone := time.monotonic() - since) > LOG_SECONDS or self.progress >= 1:
                record = self._record(losses, seen / gone, batch[0].shape[1])
                bar.n = min(100.0, 100 * self.progress)
                bar.set_postfix_str(f"loss {record['loss']:.3f} {record['tokens_per_second']:,.0f} tokens/s "
                                    f"{record['share_of_peak']:.0%} of peak")
                _append(log, record)
                since, seen, losses = time.monotonic(), 0, []
            if _crossed(before, self.state.tokens, self.config.evaluate_tokens) or self.progress >= 1:
                _append(log, {"tokens": self.state.tokens, **self.evaluate()})
            if _crossed(before, self.state.tokens, self.config.save_tokens) or self.progress >= 1:
                pretrain_state.save(checkpoints, self.state, self.learner, self.optimisers, self.config.resolved())
        bar.close()

    def _record(self, losses: Sequence[float], speed: float, length: int) -> dict[str, float]:
        flops = training_flops(self.model, length=length, masked_share=self.config.masking.rate) * speed
        return {"step": self.state.step, "tokens": self.state.tokens, "minutes": round(self.state.seconds / 60, 2),
                "loss": round(float(np.mean(losses)), 4), "tokens_per_second": round(speed, 1), "length": length,
                "share_of_peak": round(flops / self.peak / self.ranks.num_processes, 4)}


def _crossed(before: int, after: int, every: int) -> bool:
    return before // every != after // every


def _append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``training.pretrain``."""
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain", description="Pre-train the embedded encoder on plain text.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m training.pretrain --config configs/pretrain.yaml --text news/ --max-hours 0.5\n"
               "  python -m training.pretrain --config configs/pretrain.yaml --text news.txt.xz --resume\n"
               "  python -m training.pretrain --config configs/pretrain.yaml --text news/ --set masking.kind=word")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE")
    parser.add_argument("--text", action="append", default=[], metavar="PATH",
                        help="file or folder of UTF-8 text, one paragraph a line, plain, .xz or .gz; may be repeated")
    parser.add_argument("--max-tokens", type=int, help="stop after so many tokens")
    parser.add_argument("--max-hours", type=float, help="stop after so many hours, all sittings together")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return parser.parse_args(argv)


def read_config(args: argparse.Namespace) -> PretrainConfig:
    """The config file with what the command line says on top."""
    record = read_record(args.config, args.overrides)
    if args.text:
        record["text"] = args.text
    record |= {k: v for k, v in (("max_tokens", args.max_tokens), ("max_hours", args.max_hours)) if v is not None}
    config = validated(PretrainConfig, record, place=str(args.config))
    if not config.text:
        raise UsageError("no text to read", place=str(args.config), repair="--text FOLDER_OF_TXT_FILES")
    return config


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    config = read_config(args)
    quietly()
    torch.set_num_threads(threads_of_process(config.threads))
    if not args.resume and pretrain_state.newest(config.folder / "checkpoints"):
        raise UsageError("an earlier pre-training lies here", place=str(config.folder),
                         repair=f"--resume to go on with it, or: rm -r {config.folder}")
    training = Pretraining(config)
    training.start(resume=args.resume)
    training.ranks.print(f"{config.name}: {sum(p.numel() for p in training.model.parameters()) / 1e6:.1f} M parameters, "
                         f"{len(training.train_text.ids):,} tokens of text ("
                         + ", ".join(f"{n:,} {k}" for k, n in training.counts.items()) + ")")
    training.run()
    training.ranks.destroy_process_group()
    if not training.ranks.is_main_process:
        return EXIT_OK
    scores = training.evaluate()
    out = Path(config.out) if config.out else config.folder / "encoder"
    export(training.model, training.tokenizer, out, encoder_card(config, training, scores))
    print(f"\nheld-out loss {scores['held_out_loss']:.3f}, masked accuracy {scores['masked_accuracy']:.3f}\nencoder: {out}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
