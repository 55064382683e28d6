"""Which mentions of an article name the same institution or person.

Names are compared in their clean form. The text's own definitions come first (以下简称), then short forms that leave no
other choice, then references (我院, 该院) and campuses. What cannot be decided stays apart and is flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data.article import Article, Entity
from data.clean import surface
from models.alias_context import definitions
from models.alias_linker import INSTITUTIONS, PERSON, Linker
from models.alias_names import CAMPUS


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """``of[entity_id]`` is the cluster number of a mention, ``names[number]`` its canonical name, simplified.

    ``undecided`` holds the mentions that stand apart because the article leaves more than one reading, or none.
    """

    of: Mapping[str, int]
    names: Sequence[str]
    undecided: tuple[str, ...] = ()

    def name(self, entity_id: str) -> str:
        """The canonical name of the institution or person a mention stands for."""
        return self.names[self.of[entity_id]]

    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Mention ids of each cluster, in the order of first mention."""
        members: dict[int, list[str]] = {}
        for entity_id, number in self.of.items():
            members.setdefault(number, []).append(entity_id)
        return tuple(tuple(ids) for ids in members.values())


def cluster_article(article: Article) -> Clusters:
    """Group the institutions and persons among the entities of an article."""
    publisher = surface(article.publisher) if article.publisher else None
    return cluster_mentions(article.entities, {e.id: surface(e.text) for e in article.entities}, publisher, article.text)


def cluster_mentions(
    entities: Iterable[Entity], surfaces: Mapping[str, str], publisher: str | None = None, text: str = ""
) -> Clusters:
    """Group the institutions and persons of one article; neither order nor repetition of ``entities`` matters.

    A campus belongs to its institution where the article names that. A cluster is called by its longest name that is
    no campus; the publisher's name counts as one where a short name or 我院 stands for it.

    Args:
        entities: mentions, of any label.
        surfaces: clean form of each mention, by entity id.
        publisher: clean name of who publishes the page; 我院 is its institution where it is a hospital.
        text: raw text of the article; without it the text defines no names and says nothing of who speaks.
    """
    by_id = {e.id: e for e in entities if e.label in (*INSTITUTIONS, PERSON)}
    mentions = sorted(by_id.values(), key=lambda e: (e.char_start, e.char_end, e.id))
    linker = Linker(mentions, surfaces, publisher, text)
    for left, right in definitions(text, [e for e in mentions if e.label in INSTITUTIONS]):
        linker.define(left, right)
    linker.link_short_forms()
    linker.link_campuses()
    linker.link_persons()
    linker.resolve_references()
    numbers: dict[tuple[str, str], int] = {}
    of = {e.id: numbers.setdefault(linker.cluster(e), len(numbers)) for e in mentions}
    return Clusters(of=of, names=[_fullest(linker.names_of(key)) for key in numbers],
                    undecided=tuple(e.id for e in mentions if linker.is_undecided(e)))


def _fullest(names: Iterable[str]) -> str:
    """The longest name that is no campus, if there is one."""
    ordered = sorted(names, key=lambda n: (-len(n), n))
    return next((n for n in ordered if not CAMPUS.fullmatch(n)), ordered[0])
