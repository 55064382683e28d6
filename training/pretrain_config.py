"""The configuration of pre-training; every fault of a file is reported at once, as for training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from training.config import Section


class Stage(Section):
    """A share of the token budget with sequences of one length."""

    tokens: int = Field(ge=16, le=512)
    share: float = Field(gt=0, le=1)


class EncoderShape(Section):
    """Size of a new encoder; ``init: null`` builds it."""

    layers: int = Field(default=6, ge=1)
    width: int = Field(default=256, ge=16)
    heads: int = Field(default=4, ge=1)


class Masking(Section):
    """What the model must guess."""

    kind: Literal["token", "span", "word"] = "span"
    rate: float = Field(default=0.35, gt=0, lt=1)


class Schedule(Section):
    """Warm-up, a flat stretch, and a linear decay to zero, over the share of the budget that is used up."""

    optimiser: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = Field(default=2e-3, gt=0)
    muon_learning_rate: float = Field(default=2e-2, gt=0)  # of the matrices inside the layers
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    decay_share: float = Field(default=0.4, gt=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)


class Distillation(Section):
    """A larger BERT to learn from: a path or hub name, and how much its two losses count beside the masked tokens'."""

    teacher: str
    logits_weight: float = Field(default=1.0, ge=0)
    hidden_weight: float = Field(default=1.0, ge=0)
    temperature: float = Field(default=2.0, gt=0)


class Source(Section):
    """One text source, for the model card."""

    name: str
    licence: str
    characters: int


class PretrainConfig(Section):
    """Everything a pre-training depends on."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    seed: int = 7
    text: list[str] = Field(default_factory=list)  # files or folders of UTF-8 text, one paragraph a line; --text gives them too
    weights: dict[str, float] = Field(default_factory=dict)  # regular expression -> how much more often lines that hold it are read
    sources: list[Source] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)  # lines about the training, for the model card
    out: str | None = None  # folder of the finished encoder; null: runs/pretrain/<name>/encoder
    init: str | None = None  # an encoder folder to go on from; null: a new one of the shape below
    grow: EncoderShape | None = None  # bring the encoder of ``init`` to this shape first (training/grow.py)
    encoder: EncoderShape = EncoderShape()
    min_count: int | None = Field(default=None, ge=1)  # vocabulary of the characters the text has so often; null: GB2312
    ppmi: bool = True  # first embeddings from co-occurrence counts (training/ppmi.py)
    masking: Masking = Masking()
    stages: list[Stage] = Field(default_factory=lambda: [Stage(tokens=128, share=0.8), Stage(tokens=512, share=0.2)])
    batch_tokens: int = Field(default=4096, ge=64)
    max_tokens: int | None = Field(default=None, ge=1)  # the budget; the first of the two limits that is reached ends it
    max_hours: float | None = Field(default=None, gt=0)
    schedule: Schedule = Schedule()
    distil: Distillation | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: Literal["auto", "on", "off"] = "auto"  # auto: torch.compile on a GPU
    gradient_checkpointing: bool = False
    held_out: int = Field(default=400, ge=2)  # every so-manieth line is never trained on
    evaluate_tokens: int = Field(default=2_000_000, ge=1)  # tokens between scores on held-out lines
    save_tokens: int = Field(default=1_000_000, ge=1)  # tokens between checkpoints
    threads: int | None = Field(default=None, ge=1)
    runs: str = "runs/pretrain"

    @field_validator("compile", mode="before")
    @classmethod
    def _on_and_off(cls, value: Any) -> Any:
        # YAML reads the bare words as booleans.
        return ("on" if value else "off") if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _whole(self) -> PretrainConfig:
        if abs(sum(s.share for s in self.stages) - 1) > 1e-6:
            raise ValueError(f"the shares of the stages must add up to 1, found {sum(s.share for s in self.stages):g}")
        if self.max_tokens is None and self.max_hours is None:
            raise ValueError("no budget; give max_tokens or max_hours (--max-tokens 20000000, --max-hours 0.5)")
        if self.grow and not self.init:
            raise ValueError("grow: there is nothing to grow; give init, or encoder: for a new one")
        if self.min_count and self.init:
            raise ValueError("min_count: the encoder of init brings its vocabulary; leave out one of the two")
        if self.encoder.width % self.encoder.heads:
            raise ValueError(f"encoder.width {self.encoder.width} is no multiple of encoder.heads {self.encoder.heads}")
        return self

    @property
    def folder(self) -> Path:
        """Where checkpoints and the log lie."""
        return Path(self.runs) / self.name

    def resolved(self) -> dict[str, Any]:
        """The form of the YAML file, defaults filled in."""
        return self.model_dump(mode="json")
