"""Which scored articles a model has seen: a score on them is no test score, and says so wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from data.article import Article
from data.clean import clean_text
from data.errors import QianyueError
from data.files import text_hash
from data.sources import read_sources


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a run was made from; ``known`` is false where its training articles cannot be read."""

    train: Sequence[Article] = ()
    dev: Sequence[Article] = ()
    known: bool = True
    notes: tuple[str, ...] = field(default=())


def material_of_run(run: Path) -> Material:
    """The articles that ``run.yaml`` of a run folder names: those it was trained on, and those thresholds come from."""
    path = run / "run.yaml"
    if not path.is_file():
        return Material(known=False, notes=(f"{run} has no run.yaml",))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
        return Material(train=read_sources(data["train"], exclude=data["exclude"]), dev=read_sources(data.get("dev") or []))
    except QianyueError as fault:
        return Material(known=False, notes=(fault.problem,))
    except (yaml.YAMLError, KeyError, TypeError) as fault:
        return Material(known=False, notes=(f"{path} is damaged: {fault}",))


def fingerprint(article: Article) -> str:
    """Of the cleaned text without white space: the same page in traditional characters, with glosses or other line
    ends is still the same page."""
    return text_hash("".join(clean_text(article.text).text.split()))


def seen_ids(gold: Sequence[Article], material: Sequence[Article]) -> list[str]:
    """Ids of the scored articles whose text stands in the material."""
    known = {fingerprint(a) for a in material}
    return [a.id for a in gold if fingerprint(a) in known]


def overlap_sections(gold: Sequence[Article], material: Material) -> dict[str, Any]:
    """``seen_in_training``, ``seen_in_tuning`` and ``training_known`` of ``metrics.json``."""
    return {"seen_in_training": seen_ids(gold, material.train), "seen_in_tuning": seen_ids(gold, material.dev),
            "training_known": material.known}


def seen_or_unknown(record: Mapping[str, Any]) -> list[str] | None:
    """The ids that training had, None where what it had is not known."""
    return list(record["seen_in_training"]) if record["training_known"] else None


def reader_notes(record: Mapping[str, Any]) -> str:
    """What a reader must know before believing a score; empty where there is nothing to say."""
    seen, tuned, count = record["seen_in_training"], record.get("seen_in_tuning") or [], record["articles"]
    notes = []
    if human := record.get("human"):
        notes.append(f"annotators: agreement of two annotation passes over the {human['articles']} articles of {human['source']}")
    if seen:
        notes.append(f"{len(seen)} of {count} articles were seen in training: not a test score")
    if not record.get("training_known", True):
        notes.append("what the model was trained on cannot be read, so seen articles are not marked")
    if tuned:
        notes.append(f"thresholds were chosen on {len(tuned)} of {count} articles: a development score")
    return "\n".join(notes)
