"""The benches of reading and of the cluster: their pages read back as the articles they were made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.article import Article
from data.readers import iter_articles
from models.bench_cluster import main as cluster
from models.bench_cluster import repeated_articles
from models.bench_read import main, write_pages


def test_pages_read_back(tmp_path: Path) -> None:
    articles = repeated_articles(3)
    write_pages(tmp_path / "pages", articles)
    read = [a for a in iter_articles([tmp_path / "pages"]) if isinstance(a, Article)]
    assert len(read) == 3
    for made, found in zip(articles, read, strict=True):
        last = made.text.split()[-1]
        assert last in found.text and "var a" not in found.text and "栏目" not in found.text


def test_articles_have_names_of_their_own() -> None:
    articles = repeated_articles(700)
    assert len({a.id for a in articles}) == 700 and not any(a.entities for a in articles)


def test_the_commands(run_folder: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    # Short ones: an untrained model finds relations between all and everything.
    monkeypatch.setattr("models.bench_cluster.repeated_articles", lambda count: [
        Article(id=f"n{n}", text=f"第{n}号消息\n今天下雨。") for n in range(count)])
    said = call(main, "--model", run_folder, "--articles", 6, "--rounds", 1, "--workers", 0)
    assert said.code == 0 and "HTML: " in said.out and "| JSONL | " in said.out, said.err
    assert call(main, "--model", run_folder, "--articles", 0).code == 2
    assert call(cluster, "--model", run_folder, "--workers", 1).code == 2
    assert call(cluster, "--help").code == 0
