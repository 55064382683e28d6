"""The authored corpus as it lies in the repository: notation, coverage, repetition, splits, leaks."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data.article import read_jsonl
from data.clean import surface
from data.corpus_check import coverage_faults, shared_runs, statistics
from data.markup import MarkedArticle, read_marked
from data.schema import load_schema
from data.sources import read_corpus
from data.validate import validate_articles

CORPUS = Path("data/corpus")


@pytest.fixture(scope="module")
def corpus() -> list[MarkedArticle]:
    return read_corpus(CORPUS)


def test_every_article_keeps_the_contract(corpus: list[MarkedArticle]) -> None:
    assert validate_articles([m.article for m in corpus], load_schema("configs/schema/parties.yaml")) == []


def test_every_cell_has_its_passages(corpus: list[MarkedArticle]) -> None:
    plan = yaml.safe_load((CORPUS / "coverage.yaml").read_text(encoding="utf-8"))
    assert coverage_faults(corpus, plan) == []


def test_no_two_passages_share_a_run(corpus: list[MarkedArticle]) -> None:
    assert shared_runs(corpus) == []


def test_size(corpus: list[MarkedArticle]) -> None:
    held = statistics(corpus)
    assert held["articles"] >= 350
    assert held["passages"] >= 600
    assert held["characters"] >= 100_000
    assert held["articles without a signing"] >= held["articles"] / 4.5
    assert held["distinct PERSON names of two characters or more"] >= 1500
    assert held["distinct HOSPITAL names of six characters or more"] >= 500


def test_dev_is_apart_from_train() -> None:
    train = {m.article.id for m in read_corpus(CORPUS, "train")}
    dev = {m.article.id for m in read_corpus(CORPUS, "dev")}
    assert len(dev) == 105
    assert not train & dev


def prose_runs(text: str) -> list[str]:
    """Runs of 20 characters within a line, nearly all of them Chinese: "All Rights Reserved" stands on every page."""
    runs = [line[i : i + 20] for line in text.split("\n") for i in range(len(line) - 19)]
    return [run for run in runs if sum("\u4e00" <= c <= "\u9fff" for c in run) >= 15]


def test_no_seed_institution_party_or_run_of_text_is_in_the_corpus(corpus: list[MarkedArticle]) -> None:
    seeds = read_jsonl("data/gold/seeds.jsonl")
    parties = {name for a in seeds for v in a.events for name in v.parties}
    names = {surface(e.text) for m in corpus for e in m.article.entities}
    assert not parties & names
    runs = {run for a in seeds for run in prose_runs(surface(a.text))}
    assert len(runs) > 5000
    shared = {m.article.id for m in corpus if runs & set(prose_runs(surface(m.article.text)))}
    assert not shared


def test_shared_runs_finds_a_copied_sentence(tmp_path: Path) -> None:
    sentence = "双方将在学科建设与人才培养以及远程会诊等方面开展长期而深入的合作"
    file = tmp_path / "x.txt"
    file.write_text("".join(f"@article a{i}\n@text\n{sentence}\n@end\n" for i in range(2)), encoding="utf-8")
    assert len(shared_runs(read_marked(file))) == 1
