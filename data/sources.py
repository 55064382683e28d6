"""Where annotated articles come from: JSONL files, and the authored corpus by its split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import yaml

from data.article import Article, read_jsonl
from data.clean import surface
from data.errors import DataError, UsageError
from data.markup import MarkedArticle, read_marked
from data.validate import validate_articles

SPLITS = "splits.yaml"


def read_source(source: str) -> list[Article]:
    """Gold articles of one source: ``file.jsonl``, or ``folder@split`` for notation files.

    Raises:
        DataError: files are missing, or their annotation breaks the contract; every fault is named.
        UsageError: the source has no known form.
    """
    folder, at, split = source.rpartition("@")
    if at:
        return [m.article for m in read_corpus(Path(folder), split)]
    if not source.endswith(".jsonl"):
        raise UsageError(f"expected a .jsonl file or folder@split, found {source!r}", place="data",
                         repair="data/gold/seeds.jsonl or data/corpus@train")
    articles = read_jsonl(source)
    if faults := validate_articles(articles):
        raise DataError("faults:\n  " + "\n  ".join(faults), place=source, repair=f"python -m data.validate {source}")
    return articles


def read_sources(sources: Iterable[str], *, exclude: Iterable[str] = ()) -> list[Article]:
    """All articles of several sources but the excluded ids.

    Raises:
        DataError: an id stands in two sources.
    """
    unwanted = set(exclude)
    articles = [a for source in sources for a in read_source(source) if a.id not in unwanted]
    if doubled := sorted(i for i, n in Counter(a.id for a in articles).items() if n > 1):
        raise DataError(f"article ids stand twice: {', '.join(doubled[:10])}", place=", ".join(sources))
    return articles


def read_corpus(folder: Path, split: str | None = None) -> list[MarkedArticle]:
    """Compiled notation files of a folder, in order of name; ``split`` keeps the articles it lists."""
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise DataError("no notation files (*.txt) here", place=str(folder), repair="data/corpus@train")
    articles: list[MarkedArticle] = []
    faults: list[str] = []
    for path in files:
        try:
            articles += read_marked(path, surface=surface)
        except DataError as fault:
            faults.append(fault.problem.removeprefix("faults:\n  "))
    if faults:
        raise DataError("faults:\n  " + "\n  ".join(faults), place=str(folder),
                        repair=f"python -m data.corpus_check {folder}/*.txt")
    if split is None:
        return articles
    wanted = read_split(folder, split, known={m.article.id for m in articles})
    return [m for m in articles if wanted(m.article.id)]


def read_split(folder: Path, split: str, *, known: Collection[str] | None = None) -> Callable[[str], bool]:
    """Whether an article id is of a split. The split file lists the ids of ``dev`` and ``test``; the rest is ``train``.
    ``known`` are the ids that exist.

    Raises:
        UsageError: there is no such split.
    """
    if split not in ("train", "dev", "test"):
        raise UsageError(f"expected the split train, dev or test, found {split!r}", place=str(folder),
                         repair=f"{folder}@train")
    path = folder / SPLITS
    if not path.is_file():
        raise DataError("no such file; it lists the ids of dev and test", place=str(path),
                        repair=f"printf 'dev: []\\ntest: []\\n' > {path}")
    record = yaml.safe_load(path.read_text(encoding="utf-8"))
    listed = {name: frozenset(record.get(name) or ()) for name in ("dev", "test")}
    if known is not None and (strangers := sorted((listed["dev"] | listed["test"]) - set(known))):
        raise DataError(f"names articles that are not there: {', '.join(strangers[:10])}", place=str(path),
                        repair="correct the ids; a misspelt one would be trained on")
    if split != "train":
        return listed[split].__contains__
    return lambda article_id: article_id not in listed["dev"] | listed["test"]
