"""The library's front door: ``Extractor.load("runs/default").extract(text)``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from data.article import Article
from models.document import Predictor
from models.run_folder import load_predictor


class Extractor:
    """Reads articles with a trained model; the commands are thin skins over it."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @classmethod
    def load(cls, folder: Path | str) -> Extractor:
        """Load a run folder.

        Raises:
            ModelError: the folder is missing, incomplete or unsafe.
        """
        return cls(load_predictor(folder))

    def extract(self, text: str, *, published: str | None = None, publisher: str | None = None) -> Article:
        """Entities, relations and signing events of one text; ``published`` is an ISO date."""
        article = Article(id="text", text=text, published=published, publisher=publisher)
        return next(iter(self._predictor.predict([article])))

    def extract_all(self, articles: Iterable[Article]) -> Iterator[Article]:
        """The same for many articles, batched, in order, as a stream."""
        yield from self._predictor.predict(articles)
