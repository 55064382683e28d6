"""The training configuration: one typed tree, every fault of a file reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import UsageError
from data.layered import read_layered

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values keep their type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DataConfig(Section):
    """Where gold is read from. A source is a JSONL file, or the authored corpus as ``data/corpus@train``."""

    train: list[str] = Field(min_length=1)
    dev: list[str] = []  # scored while training and in the report; empty: the training articles, marked as seen
    exclude: list[str] = []  # article ids never trained on (the held-out fold of cross-validation)
    limit: int | None = Field(default=None, ge=0)  # authored articles to train on, for learning curves; null: all


class WindowConfig(Section):
    """How articles are cut for the encoder, in tokens, [CLS] and [SEP] included."""

    max_tokens: int = Field(default=256, ge=16, le=512)
    overlap_tokens: int = Field(default=32, ge=0)

    @model_validator(mode="after")
    def _overlap_fits(self) -> WindowConfig:
        if self.overlap_tokens > (self.max_tokens - 2) // 2:
            raise ValueError(f"overlap_tokens {self.overlap_tokens} must be at most half of max_tokens {self.max_tokens}; "
                             f"try overlap_tokens: {self.max_tokens // 8}")
        return self


class AugmentConfig(Section):
    """Changes made to training articles anew in every epoch; each is a probability per article, 0 turns it off."""

    substitute: float = Field(default=0.7, ge=0, le=1)  # names, posts and dates replaced consistently
    titles: float = Field(default=0.2, ge=0, le=1)  # posts dropped or swapped
    lists: float = Field(default=0.1, ge=0, le=1)  # a guest of a list dropped or added
    reorder: float = Field(default=0.2, ge=0, le=1)  # paragraphs in another order
    furniture: float = Field(default=0.2, ge=0, le=1)  # web page lines before and after
    noise: float = Field(default=0.15, ge=0, le=1)  # half-width marks, lost characters and commas, picture marks
    spacing: float = Field(default=0.15, ge=0, le=1)  # stray spaces, broken lines, casing and width of Latin letters
    traditional: float = Field(default=0.05, ge=0, le=1)  # traditional characters, half of the time with pinyin glosses
    mask_tokens: float = Field(default=0.1, ge=0, lt=1)  # share of a training article's tokens hidden as [MASK]
    hide_hints: float = Field(default=0.15, ge=0, le=1)  # share of articles, and of single hints, read without hints


class OptimiserConfig(Section):
    """One joint loss, AdamW, linear warm-up and decay."""

    epochs: int = Field(default=20, ge=1)
    batch_tokens: int = Field(default=4096, ge=64)  # article tokens a step, shared out among all processes
    learning_rate: float = Field(default=1e-3, gt=0)  # of the encoder
    head_learning_rate: float = Field(default=1e-3, gt=0)  # of tagger and relation head
    warmup_share: float = Field(default=0.1, ge=0, lt=1)  # of all steps
    weight_decay: float = Field(default=0.01, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    gradient_accumulation: int = Field(default=1, ge=1)  # steps summed into one update
    relation_weight: float = Field(default=0.5, ge=0)  # of the relation loss in the joint loss
    predicted_spans_from: float = Field(default=0.3, ge=0, le=1)  # share of training after which predicted spans join
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where the device computes it natively


class RegulariseConfig(Section):
    """Options of fine-tuning, each off unless set (training/regularise.py, models/signing.py)."""

    weight_average: float = Field(default=0.0, ge=0, lt=1)  # decay of the average of the weights, such as 0.999; 0: off
    fgm: float = Field(default=0.0, ge=0)  # length of the adversarial step on the embeddings; 0: off, else twice the time
    dropout_samples: int = Field(default=1, ge=1)  # dropout masks before the tagger whose losses are averaged
    encoder_dropout: float | None = Field(default=None, ge=0, lt=1)  # inside the encoder; null: as its config says


class TaggerConfig(Section):
    """How entities are found. What the second brings over the first is in ``configs/sweeps/tagger.yaml``."""

    kind: Literal["softmax", "crf"] = "softmax"  # tags each for itself, or tag sequences


class TeacherConfig(Section):
    """A finished run whose tag scores a smaller model learns beside the gold (training/trainer.py)."""

    run: str  # a run folder with the same schema and windows
    weight: float = Field(default=1.0, gt=0)  # of its divergence in the joint loss
    temperature: float = Field(default=2.0, gt=0)  # flattens both sides' scores


class TrainConfig(Section):
    """Everything a run depends on. ``run.yaml`` of a run folder is this, resolved."""

    # Folders below runs/ and reports/: no part may be empty or begin with a dot, so that nothing leaves them.
    name: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$")
    seed: int = 13
    label_schema: str = Field(default="configs/schema/hospital.yaml", alias="schema")
    # What the model is taught to tell apart, where that is more than ``schema``, in which it answers; null: the same.
    # Articles that were annotated without the rest teach that there is none of it.
    reading_schema: str | None = None
    encoder: str = "models/encoder-zh-small"  # a folder or a hub name of any BERT-architecture checkpoint
    layers: int | None = Field(default=None, ge=1)  # first layers of the encoder to keep, for a smaller model; null: all
    teacher: TeacherConfig | None = None
    hints: bool = True  # let the rules mark what they find (models/hints.py); off for data with other labels
    relation_head: Literal["ends", "biaffine", "between", "full"] = "full"  # what pairs are judged by (models/relations.py)
    tagger: TaggerConfig = TaggerConfig()
    data: DataConfig
    windows: WindowConfig = WindowConfig()
    augment: AugmentConfig = AugmentConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    regularise: RegulariseConfig = RegulariseConfig()
    save_every: int = Field(default=100, ge=1)  # updates between checkpoints a killed run resumes from
    evaluate_every: int = Field(default=5, ge=1)  # epochs between scores on dev
    threads: int | None = Field(default=None, ge=1)  # CPU threads; null: all cores
    runs: str = "runs"
    reports: str = "reports"

    @property
    def run_folder(self) -> Path:
        """Where the model goes."""
        return Path(self.runs) / self.name

    @property
    def report_folder(self) -> Path:
        """Where scores, predictions and the page go."""
        return Path(self.reports) / self.name

    def resolved(self) -> dict[str, Any]:
        """The form of the YAML file, defaults filled in."""
        return self.model_dump(mode="json", by_alias=True)


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML config and apply ``a.b=value`` overrides (values are read as YAML).

    ``extends: base.yaml`` in a config lays it over another one (:mod:`data.layered`).

    Raises:
        UsageError: the file is missing or no YAML, or keys and values are wrong; all faults in one message.
    """
    return parse_config(read_record(path, overrides), place=str(path))


def read_record(path: Path | str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The mapping of a config file with what it extends and the overrides, not yet validated."""
    record = read_layered(path)
    for override in overrides:
        _apply(record, override)
    return record


def parse_config(record: dict[str, Any], *, place: str = "config") -> TrainConfig:
    """Validate a config mapping; see :func:`load_config`."""
    return validated(TrainConfig, record, place=place)


def validated(model: type[Model], record: dict[str, Any], *, place: str) -> Model:
    """A typed section of a mapping.

    Raises:
        UsageError: keys or values are wrong; all faults in one message.
    """
    try:
        return model.model_validate(record)
    except ValidationError as fault:
        raise UsageError("\n  ".join(["the config is wrong:", *(_explain(e, model) for e in fault.errors())]),
                         place=place, repair="see configs/default.yaml and training/config.py") from fault


def _apply(record: dict[str, Any], override: str) -> None:
    path, equals, value = override.partition("=")
    if not equals:
        raise UsageError(f"expected KEY=VALUE, found {override!r}", place="--set",
                         repair="--set optimiser.epochs=5")
    *parents, last = path.split(".")
    node = record
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise UsageError(f"{parent} holds a value, not keys", place=f"--set {path}")
    try:
        node[last] = yaml.safe_load(value)
    except yaml.YAMLError as fault:
        raise UsageError(f"the value is no valid YAML: {value!r}", place=f"--set {path}",
                         repair="--set data.exclude='[id1, id2]'") from fault


def _explain(error: Any, model: type[BaseModel]) -> str:
    """One line for one pydantic fault: the key's path, what was expected, what came, the nearest valid key."""
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _known_keys([str(part) for part in error["loc"][:-1]], model)
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1, cutoff=0.5)
        return f"{path}: unknown key; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}")
    if error["type"] == "missing":
        return f"{path}: missing"
    if not path:  # a fault of several keys together; their values are in the message
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}, found {error['input']!r}"


def _known_keys(path: Sequence[str], section: type[BaseModel]) -> list[str]:
    for part in path:
        field = section.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        section = field.annotation
    return [field.alias or name for name, field in section.model_fields.items()]
