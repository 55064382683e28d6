"""The figures of a report for the trackers people use: TensorBoard, MLflow, trackio; each only where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from data.errors import UsageError

PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "trackio": "trackio"}
PROJECT = "qianyue"


def check_trackers(names: Sequence[str]) -> tuple[str, ...]:
    """The trackers asked for.

    Raises:
        UsageError: one is not known, or not installed.
    """
    for name in names:
        if name not in PACKAGES:
            raise UsageError(f"no such tracker: {name}", place="--track", repair=f"one of {', '.join(PACKAGES)}")
        if find_spec(PACKAGES[name]) is None:
            raise UsageError(f"{name} is not installed", place="--track", repair=f"pip install 'qianyue[{name}]'")
    return tuple(dict.fromkeys(names))


def scalars(record: Mapping[str, Any]) -> dict[str, float]:
    """The final figures by name: ``entities/f1``, ``entities/PERSON/f1``, ``events/parties/recall``, …"""
    found: dict[str, float] = {}
    for part in ("entities", "relations"):
        rows = {"": record[part]["micro"], **{f"{n}/": s for n, s in record[part]["by_name"].items() if s["support"]}}
        for name, scores in rows.items():
            found |= {f"{part}/{name}{m}": float(scores[m]) for m in ("precision", "recall", "f1")}
    for name in ("parties", "record", "full_record", "signatories"):
        found |= {f"events/{name}/{m}": float(record["events"][name][m]) for m in ("precision", "recall", "f1")}
    found["events/false_per_100_negatives"] = float(record["events"]["false_events_per_100_negatives"])
    for part in ("spans", "pairs", "events"):
        found[f"calibration/{part}/ece"] = float(record["calibration"][part]["ece"])
    if "clusters" in record:
        found["clusters/conll_f1"] = float(record["clusters"]["both"]["conll_f1"])
    return found


def history(record: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, float]]]:
    """Loss and dev scores by optimiser step, in order of steps."""
    curve = record.get("learning_curve") or {"scores": [], "loss": []}
    steps: dict[int, dict[str, float]] = {}
    for prefix, entries in (("dev", curve["scores"]), ("train", curve["loss"])):
        for entry in entries:
            steps.setdefault(int(entry["step"]), {}).update(
                {f"{prefix}/{k}": float(v) for k, v in entry.items() if k != "step"})
    yield from sorted(steps.items())


def settings(record: Mapping[str, Any]) -> dict[str, str]:
    """What made the figures, as flat text: config keys, data hashes, revision."""
    flat: dict[str, str] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                add(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = str(value)

    facts = record["provenance"]
    add("", facts.get("config") or {})
    add("", {k: facts.get(k) for k in ("command", "git", "gold_sha256", "train_sha256")})
    return flat


def track(record: Mapping[str, Any], report: Path, trackers: Sequence[str]) -> None:
    """Give the same figures to each tracker; call :func:`check_trackers` first."""
    for name in trackers:
        WRITERS[name](record, report)


def _tensorboard(record: Mapping[str, Any], report: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(report / "tensorboard")) as writer:
        last = 0
        for step, values in history(record):
            last = step
            for name, value in values.items():
                writer.add_scalar(name, value, step)
        for name, value in scalars(record).items():
            writer.add_scalar(name, value, last)
        writer.add_text("settings", "\n".join(f"    {k}: {v}" for k, v in settings(record).items()))


def _mlflow(record: Mapping[str, Any], report: Path) -> None:
    import mlflow

    mlflow.set_experiment(PROJECT)
    with mlflow.start_run(run_name=f"{record.get('model')}: {report.name}"):
        # MLflow refuses longer values.
        mlflow.log_params({k: v[:500] for k, v in settings(record).items()})
        for step, values in history(record):
            mlflow.log_metrics(values, step=step)
        mlflow.log_metrics(scalars(record))


def _trackio(record: Mapping[str, Any], report: Path) -> None:
    import trackio

    trackio.init(project=PROJECT, name=f"{record.get('model')}-{report.name}", config=settings(record))
    for step, values in history(record):
        trackio.log(values, step=step)
    trackio.log(scalars(record))
    trackio.finish()


WRITERS: dict[str, Callable[[Mapping[str, Any], Path], None]] = {
    "tensorboard": _tensorboard, "mlflow": _mlflow, "trackio": _trackio}
