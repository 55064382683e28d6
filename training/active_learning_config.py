"""What an active-learning experiment is made of: one YAML file, all faults reported at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from data.layered import read_layered
from training.config import Section, validated


class Experiment(Section):
    """Sizes count articles; every draw trains once on ``start``, and once for each of the sizes of both orders."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    config: str
    overrides: list[str] = Field(default=[])  # of the config, as --set takes them
    layers: int = Field(default=4, ge=1)  # of the encoder
    pool: str
    pool_articles: int = Field(ge=2)
    test: str
    draws: int = Field(default=5, ge=1)
    start: int = Field(ge=1)
    queue_sizes: list[int] = Field(min_length=1)
    random_sizes: list[int] = Field(min_length=1)
    per: Literal["article", "character"] = "article"  # what annotating costs, as in data.label_studio queue
    article_epochs: int = Field(ge=1)
    seed: int = 13

    @model_validator(mode="after")
    def _sizes_grow(self) -> Experiment:
        for name in ("queue_sizes", "random_sizes"):
            sizes = [self.start, *getattr(self, name)]
            if sizes != sorted(set(sizes)) or sizes[-1] > self.pool_articles:
                raise ValueError(f"{name} must grow from above start to at most pool_articles {self.pool_articles}")
        return self


def read_experiment(path: Path) -> Experiment:
    """Read and check an experiment file.

    Raises:
        UsageError: it is missing, no YAML, or its keys are wrong.
    """
    return validated(Experiment, read_layered(path), place=str(path))
