"""A public data set on its way into training: its files found, converted, and the schema read off them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from data.article import Article, write_jsonl
from data.convert import report
from data.errors import DataError, UsageError
from data.files import sha256_of, write_text
from data.formats.base import Ledger
from data.formats.duie import LOST
from data.formats.registry import FORMATS, read_articles
from data.schema import schema_of
from models.run_folder import dump_yaml
from training.config import Section, validated

SPLITS = ("train", "dev", "test")
_SPLIT_WORDS = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
HELD_OUT_SHARE, HELD_OUT_SEED = 0.1, 13


class BenchConfig(Section):
    """The ``bench`` part of a config in ``configs/bench``; the rest is an ordinary training config without data."""

    format: str  # of data/formats
    files: list[str] = Field(default=[])  # names as published, {split} for train, dev and test; the first that exists counts
    score_on: Literal["dev", "test"]
    headline: Literal["macro", "micro", "triples"]  # which F1 the published figures are
    wide_from: int = Field(default=512, ge=1)  # encoders of at least this width train with ``wide`` over the recipe
    wide: dict[str, Any] = Field(default={})


@dataclass(frozen=True, kw_only=True)
class BenchData:
    """A converted set. ``lost_triples`` counts gold of the scored split that no span expresses."""

    train: Path
    scored: Path
    tune: Path | None  # where relation thresholds may be chosen: annotated, and neither trained on nor scored
    schema: Path
    split: str  # what is scored, in words
    lost_triples: int
    notes: list[str]

    @property
    def sha256(self) -> list[str]:
        """Of everything that decides a result."""
        return [sha256_of(p) for p in (self.train, self.scored, self.schema, *([self.tune] if self.tune else []))]


def parse_bench(record: dict[str, Any], *, place: str) -> BenchConfig:
    """The ``bench`` part of a config.

    Raises:
        UsageError: it is missing or wrong.
    """
    if not isinstance(record.get("bench"), dict) or "format" not in record["bench"]:
        raise UsageError("expected a section bench with the format of the data set", place=place,
                         repair="--config configs/bench/cluener.yaml")
    bench = validated(BenchConfig, record["bench"], place=f"{place}: bench")
    if bench.format not in FORMATS:
        raise UsageError(f"bench.format: expected one of {', '.join(FORMATS)}, found {bench.format!r}", place=place,
                         repair="bench: {format: cluener}")
    return bench


def discover(path: Path, names: Sequence[str]) -> dict[str, Path]:
    """The file of each split: in a folder, or beside the file that is given.

    A published name counts first, else the one file whose name has the word train, dev (valid) or test in it.

    Raises:
        UsageError: there is nothing to train on, or several files could be a split.
    """
    if not path.exists():
        raise UsageError("no such file or folder", place=str(path), repair="give the folder of the unpacked data set")
    folder = path if path.is_dir() else path.parent
    found: dict[str, Path] = {}
    candidates = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    for split in SPLITS:
        published = [folder / n.replace("{split}", split) for n in names]
        fits = [p for p in published if p.is_file()][:1] or [p for p in candidates if _split_of(p) == split]
        if len(fits) > 1:
            raise UsageError(f"several files could be {split}: {', '.join(p.name for p in fits)}", place=str(folder),
                             repair="leave one of each split in the folder, or name them as published: "
                             + (", ".join(names) or "train.*, dev.*, test.*"))
        if fits:
            found[split] = fits[0]
    if path.is_file() and path not in found.values():
        return {"train": path}
    if "train" not in found:
        raise UsageError(f"no training file among {', '.join(p.name for p in candidates[:10]) or 'no files'}",
                         place=str(folder), repair="name it as published: " + (", ".join(names) or "train.*"))
    return found


def _split_of(path: Path) -> str | None:
    words = {_SPLIT_WORDS[w] for w in re.split(r"[^a-z]+", path.name.lower()) if w in _SPLIT_WORDS}
    return words.pop() if len(words) == 1 else None


def prepare(bench: BenchConfig, path: Path, folder: Path, *, name: str) -> BenchData:
    """Convert a set into ``folder``: ``train.jsonl`` and so on, and ``schema.yaml`` with what the set annotates.

    The schema holds the labels of every split: a label that training never saw must count as missed, not vanish.

    Raises:
        DataError, UsageError: files are missing, nothing in them can be read, or nothing is annotated.
    """
    articles: dict[str, list[Article]] = {}
    lost: dict[str, int] = {}
    notes: list[str] = []
    for split, file in discover(path, bench.files).items():
        ledger = Ledger(source=str(file))
        # Files of different splits may have the same stem, and so the same ids.
        articles[split] = [replace(a, id=f"{split}:{a.id}") for a in read_articles(bench.format, file, ledger)]
        lost[split] = ledger.counts[LOST]
        notes += report(ledger)
        if not articles[split]:
            raise DataError(f"no article could be read as {bench.format}", place=str(file),
                            repair="check that the file is of this data set; "
                            f"python -m data.convert --from {bench.format} --to jsonl {file} out.jsonl")
    split = _scored_split(articles, bench, notes)
    schema = schema_of((a for listed in articles.values() for a in listed), name)
    if not schema.labels or not any(a.entities for a in articles[split]):
        raise DataError(f"nothing is annotated in {'any split' if not schema.labels else split}", place=str(path),
                        repair="use the splits that were published with their annotation")
    for each, listed in articles.items():
        write_jsonl(folder / f"{each}.jsonl", listed)
    write_text(folder / "schema.yaml", dump_yaml(schema.to_dict()))
    tune = "dev" if split == "test" and any(a.entities for a in articles.get("dev", ())) else None
    return BenchData(
        train=folder / "train.jsonl", scored=folder / f"{split}.jsonl", schema=folder / "schema.yaml",
        tune=folder / f"{tune}.jsonl" if tune else None, lost_triples=lost.get(split, 0), notes=notes,
        split="a held-out tenth of train" if split == "held-out" else split)


def _scored_split(articles: dict[str, list[Article]], bench: BenchConfig, notes: list[str]) -> str:
    """The split that is scored; a set that lacks it is scored on another, and says so."""
    if bench.score_on in articles:
        return bench.score_on
    for other in ("dev", "test"):
        if any(a.entities for a in articles.get(other, ())):
            notes.append(f"note: there is no {bench.score_on} file; scored on {other}, which published figures are not")
            return other
    train = articles["train"]
    held_out = set(random.Random(HELD_OUT_SEED).sample(range(len(train)), max(1, round(HELD_OUT_SHARE * len(train)))))
    articles["held-out"] = [a for i, a in enumerate(train) if i in held_out]
    articles["train"] = [a for i, a in enumerate(train) if i not in held_out]
    notes.append("note: there is neither a dev nor a test file; scored on a tenth of train, which published figures are not")
    return "held-out"
