"""The runs of a benchmark: every encoder with every seed, each with a fingerprint of all that decides its result."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoConfig

from data.errors import ModelError
from data.files import sha256_of
from data.layered import overlay
from models.embedded import DEFAULT_FOLDER
from training.bench_data import BenchConfig, BenchData
from training.config import TrainConfig, parse_config

RANDOM = "random"  # the architecture and vocabulary of the embedded encoder, its weights drawn from the run's seed


@dataclass(frozen=True, kw_only=True)
class Job:
    """One encoder with one seed; ``key`` names its files. Random weights are made when the job runs.

    ``title`` is the row of the table that its scores belong to.
    """

    encoder: str
    seed: int
    config: TrainConfig
    fingerprint: str
    key: str
    title: str


def make_jobs(
    recipe: dict[str, Any], bench: BenchConfig, data: BenchData, encoders: Sequence[str], seeds: Sequence[int], *, place: str,
    variant: str = "",
) -> list[Job]:
    """Seed by seed, so that a bench cut short has a first figure of each encoder.

    Args:
        recipe: a training config without data, schema and encoder.
        place: where the recipe came from, for its faults.
        variant: what the recipe is called beside others of the same encoder.

    Raises:
        ModelError, UsageError: an encoder cannot be had, or the recipe is wrong; before anything is trained.
    """
    recipes = {e: overlay(recipe, bench.wide) if _width(_source(e)) >= bench.wide_from else recipe for e in encoders}
    identities = {e: _identity(e) for e in encoders}
    jobs = []
    for seed in seeds:
        for encoder in encoders:
            record = overlay(recipes[encoder], {"seed": seed, "encoder": _source(encoder)})
            # Where the files lie decides nothing; what is in them does.
            facts = [parse_config(overlay(record, {"data": {"train": ["-"]}}), place=place).resolved(),
                     bench.model_dump(), data.sha256, identities[encoder]]
            fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
            key = f"{_slug(encoder)}-seed{seed}-{fingerprint[:8]}"
            # A run folder of its own, so that a checkpoint always belongs to the job that finds it.
            config = parse_config(overlay(record, {
                "name": f"bench/{recipe['name']}/{key}", "schema": str(data.schema),
                "data": {"train": [str(data.train)], "dev": []},
            }), place=place)
            jobs.append(Job(encoder=encoder, seed=seed, config=config, fingerprint=fingerprint, key=key,
                            title=f"{encoder}, {variant}" if variant else encoder))
    return jobs


def _source(encoder: str) -> str:
    return str(DEFAULT_FOLDER) if encoder == RANDOM else encoder


def _slug(encoder: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", encoder).strip("-.") or "encoder"


def _width(encoder: str) -> int:
    try:
        return int(AutoConfig.from_pretrained(encoder).hidden_size)
    except (OSError, ValueError, AttributeError) as fault:
        raise ModelError(f"no encoder can be had under this name: {str(fault).splitlines()[0]}", place=encoder,
                         repair="--encoders random models/encoder-zh-small, or a folder or hub name such as "
                         "hfl/chinese-macbert-base") from fault


def _identity(encoder: str) -> list[str]:
    """The name of an encoder and, where it lies here, the hashes of its files; random weights have no file."""
    names = ("config.json", "tokenizer.json", *(() if encoder == RANDOM else ("model.safetensors",)))
    return [encoder, *(sha256_of(Path(_source(encoder)) / n) for n in names if (Path(_source(encoder)) / n).is_file())]
