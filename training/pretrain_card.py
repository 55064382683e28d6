"""The model card of a pre-trained encoder: what it read, for how long, what it is for."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

import torch

from training.pretrain_config import PretrainConfig

if TYPE_CHECKING:
    from training.pretrain import Pretraining

CURVE_POINTS = 12


def encoder_card(config: PretrainConfig, training: Pretraining, scores: dict[str, float]) -> str:
    """Markdown for the ``README.md`` of an encoder folder."""
    state, model = training.state, training.model.config
    lines = [json.loads(line) for line in (config.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = [r for r in lines if "held_out_loss" in r]
    shown = curve[:: max(1, len(curve) // CURVE_POINTS)]
    shown += [] if not curve or shown[-1] is curve[-1] else [curve[-1]]
    speeds = [r["tokens_per_second"] for r in lines if "tokens_per_second" in r]
    each = f"{training.ranks.num_processes} processes of " if training.ranks.num_processes > 1 else ""
    hardware = each + (torch.cuda.get_device_name() if torch.cuda.is_available() else
                       f"{torch.get_num_threads()} CPU threads ({platform.machine()})")
    return "\n".join([
        "---", "language: zh", "license: apache-2.0", "library_name: transformers", "pipeline_tag: fill-mask", "---", "",
        f"# {config.name}", "",
        f"A BERT of {model.num_hidden_layers} layers, width {model.hidden_size}, {model.num_attention_heads} heads and "
        f"{model.vocab_size:,} tokens (one a character), {sum(p.numel() for p in training.model.parameters()) / 1e6:.1f} M "
        "parameters, pre-trained on Chinese news to guess hidden characters. It is what `configs/default.yaml` starts from.", "",
        "## Training", "",
        f"- {state.step:,} steps, {state.tokens:,} tokens, {state.seconds / 3600:.2f} hours on {hardware}, "
        f"{'bf16' if training.bf16 else 'fp32'}, {sum(speeds) / max(len(speeds), 1):,.0f} tokens/s on average",
        *(f"- {note}" for note in config.notes),
        f"- masking: {config.masking.kind}, {config.masking.rate:.0%} of the tokens; sequences of "
        + " then ".join(str(s.tokens) for s in config.stages) + " tokens",
        f"- optimiser: {config.schedule.optimiser}, learning rate {config.schedule.learning_rate:g}; first embeddings: "
        + ("went on from an earlier encoder" if config.init else "PPMI and SVD" if config.ppmi else "random"),
        f"- at the end: held-out loss {scores['held_out_loss']:.3f}, masked accuracy {scores['masked_accuracy']:.3f}", "",
        "| tokens | held-out loss | masked accuracy |", "| --- | --- | --- |",
        *(f"| {r['tokens']:,} | {r['held_out_loss']:.3f} | {r['masked_accuracy']:.3f} |" for r in shown), "",
        "## Text", "",
        *(["| source | licence | characters |", "| --- | --- | --- |",
           *(f"| {s.name} | {s.licence} | {s.characters:,} |" for s in config.sources)] if config.sources
          else ["The config names no sources."]), "",
        "After cleaning: " + ", ".join(f"{n:,} {k}" for k, n in training.counts.items()) + "."
        + (" Lines read more often: " + ", ".join(f"`{p}` × {w:g}" for p, w in config.weights.items()) + "."
           if config.weights else ""), "",
        "No line of that text is part of this repository. A language model may repeat short runs of what it has read.", "",
        "## Intended use and limits", "",
        "To be fine-tuned on Chinese news text, above all about institutions. It is small: it knows little about the world, "
        "and it was not made to write text, to answer questions, or to judge persons. The text is mostly from official media "
        "of 2016 to 2026, whose wording and outlook it takes on.", "",
    ])
