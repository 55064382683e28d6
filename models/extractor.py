"""The library's front door: ``Extractor.load("runs/default").extract(text)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from data.article import Article
from data.documents import ReadFault
from data.readers import iter_articles
from data.records import Columns
from data.schema import Schema
from models.document import Predictor
from models.light import load_light
from models.memory import bound_kernels


class Extractor:
    """Reads articles with a trained model; the commands are thin skins over it.

    One extractor may serve many threads: loading is done when it is made, and reading changes nothing in it.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        # The tokenizer sets itself up at its first call, which must not happen in two threads at once.
        self.extract("甲院与乙院签约。")

    @classmethod
    def load(cls, folder: Path | str, *, engine: str = "auto", all_labels: bool = False) -> Extractor:
        """Load a run folder; ``engine`` is one of :data:`models.engines.ENGINES`.

        Args:
            all_labels: hand out all that the run reads, where its config has a ``reading_schema``: ORG too.

        Raises:
            ModelError: the folder is missing, incomplete or unsafe, or holds no such export.
            UsageError: there is no such engine.
        """
        bound_kernels()
        predictor = load_light(folder, engine=engine)
        if predictor is None:
            from models.run_folder import load_predictor

            predictor = load_predictor(folder, engine=engine)
        return cls(replace(predictor, answers=None) if all_labels else predictor)

    @property
    def name(self) -> str:
        """The name of the run, which every prediction carries."""
        return self._predictor.name

    @property
    def schema(self) -> Schema:
        """Labels and relation types that the run predicts."""
        return self._predictor.schema

    def extract(self, text: str, *, published: str | None = None, publisher: str | None = None) -> Article:
        """Entities, relations and signing events of one text; ``published`` is an ISO date."""
        article = Article(id="text", text=text, published=published, publisher=publisher)
        return next(iter(self._predictor.predict([article])))

    def extract_batch(self, articles: Sequence[Article | str]) -> list[Article]:
        """The same for several articles or bare texts at once, in order."""
        return list(self.extract_all(articles))

    def extract_all(self, articles: Iterable[Article | str]) -> Iterator[Article]:
        """The same as a stream: batched, in order, with only some articles in memory at a time.

        Bare texts get their number as id, ``text-1`` for the first.
        """
        yield from self._predictor.predict(
            Article(id=f"text-{number}", text=article) if isinstance(article, str) else article
            for number, article in enumerate(articles, start=1))

    def extract_files(self, paths: Iterable[Path | str], *, columns: Columns | None = None) -> Iterator[Article | ReadFault]:
        """The same for files, folders, archives, tables and globs; what cannot be read comes first as a fault, never raised.

        Articles come in order. A fault comes as soon as it is met, which is before the articles of the batch it falls in.
        """
        faults: list[ReadFault] = []
        for article in self.extract_all(_articles(iter_articles(paths, columns=columns), faults)):
            yield from faults
            faults.clear()
            yield article
        yield from faults


def _articles(items: Iterable[Article | ReadFault], faults: list[ReadFault]) -> Iterator[Article]:
    for item in items:
        if isinstance(item, ReadFault):
            faults.append(item)
        else:
            yield item
