"""Other training articles from the annotated ones, annotation intact: each kind of change with a rate of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from data.article import Article
from data.layout import add_furniture, change_list, shuffle_paragraphs
from data.noise import add_noise, change_spacing, traditional
from data.substitute import Pools, collect_pools, substitute
from data.titles import change_titles

Change = Callable[[Article, random.Random, Pools], Article]
# In this order: names first, while the text is still clean; traditional characters last, as a site converts whole pages.
CHANGES: Mapping[str, Change] = MappingProxyType({
    "substitute": substitute,
    "titles": lambda article, rng, _: change_titles(article, rng),
    "lists": lambda article, rng, _: change_list(article, rng),
    "reorder": lambda article, rng, _: shuffle_paragraphs(article, rng),
    "furniture": lambda article, rng, pools: add_furniture(
        article, rng, labels=pools.labels, relation_types=pools.relation_types),
    "noise": lambda article, rng, _: add_noise(article, rng),
    "spacing": lambda article, rng, _: change_spacing(article, rng),
    "traditional": lambda article, rng, pools: traditional(article, rng, glosses=pools.glosses),
})


@dataclass(frozen=True, kw_only=True)
class Augmenter:
    """Each change is made with its probability; the result depends on article and ``rng`` alone."""

    rates: Mapping[str, float]  # by name of the change; one that is missing is off
    pools: Pools

    @classmethod
    def from_articles(cls, articles: Sequence[Article], rates: Mapping[str, float]) -> Augmenter:
        """Collect the pools from the articles, which must be those of training alone.

        Raises:
            ValueError: a rate for a change that there is not.
        """
        if unknown := sorted(set(rates) - set(CHANGES)):
            raise ValueError(f"no change is called {', '.join(unknown)}; there are {', '.join(CHANGES)}")
        return cls(rates=rates, pools=collect_pools(articles))

    def __call__(self, article: Article, rng: random.Random) -> Article:
        """A valid article: sorted flat entities, relations and clusters among them, no events once it is changed."""
        for name, change in CHANGES.items():
            if rng.random() < self.rates.get(name, 0.0):
                article = change(article, rng, self.pools)
        return article
