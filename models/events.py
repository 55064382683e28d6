"""Signing events: one record for each agreement between one set of parties, with its evidence."""

from __future__ import annotations

import itertools
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, KeysView, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from data.article import Entity, Event, Relation, Signatory
from data.errors import run_command
from data.schema import ORG
from models.aliases import Clusters
from models.dates import resolve_all
from models.event_fields import EventText, agreement_name, event_kind, event_status, is_denied

_DEED = re.compile("签|揭牌|揭幕|授牌|为[“\"「]")  # the quotes hold what is unveiled, and a long name of it can end the sentence
# An article in which none of these stands tells of no agreement, whatever relations were seen in it: of 775 articles with
# an event, one.
_AGREEMENT = re.compile("签|协议|协定|合同|合作|共建|揭牌|托管|联盟|联合体|医联体|医共体|加入|加盟|授牌|挂牌|备忘录|结对|帮扶"
                        "|协作|支援|[牵携联]手|联姻|章程|约定|契约|成员单位|基地|合约|文书|意向")
SIGNING_RELATIONS = ("SIGNED_WITH", "SIGNED_FOR", "SIGNED_ON")  # each of them alone makes an event
MAX_CLIQUE_PAIRS = 60
SPOKE_SHARE = 0.75  # of the weaker of two hub scores; below it the pair between the spokes is no agreement


@dataclass(frozen=True, kw_only=True)
class TextView:
    """What the events need of a text: clean surfaces and sentences of the mentions."""

    surfaces: Mapping[str, str]  # by entity id
    sentence_of: Mapping[str, int]  # by entity id
    sentences: Sequence[str]  # clean text of each sentence; empty where it has neither mention nor word of signing
    bounds: Sequence[tuple[int, int]] = ()  # (char_start, char_end) of each sentence in the raw text


def build_events(
    entities: Sequence[Entity], relations: Sequence[Relation], clusters: Clusters, view: TextView,
    published: str | None = None,
) -> tuple[Event, ...]:
    """Events of one article, in the order in which the text first states them.

    Pairs of institutions that SIGNED_WITH joins become one event each; three or more that are all joined with one
    another are one agreement; so are two that sign on one date of a sentence. A party that signs (SIGNED_FOR,
    SIGNED_ON) with nobody the schema can name is an event of its own. Without a word of agreement there is none.
    """
    if not any(map(_AGREEMENT.search, view.sentences)):
        return ()
    pair_links: dict[frozenset[int], list[Relation]] = defaultdict(list)
    for relation in relations:
        if relation.type == "SIGNED_WITH" and clusters.of[relation.head] != clusters.of[relation.tail]:
            pair_links[frozenset((clusters.of[relation.head], clusters.of[relation.tail]))].append(relation)
    strength = {pair: max(r.score if r.score is not None else 1.0 for r in found) for pair, found in pair_links.items()}
    for pair in spokes(strength):
        del pair_links[pair]
    agreements = _agreements(list(pair_links))
    paired = set().union(*agreements) if agreements else set()
    for pair in _of_one_day(relations, clusters, view, paired):
        agreements.append(pair)
        paired |= pair
    for relation in relations:
        party = _signer(relation)
        if party is not None and clusters.of[party] not in paired:
            agreements.append(frozenset((clusters.of[party],)))
            paired.add(clusters.of[party])
    days = [e.id for e in entities if e.label == "DATE"]
    dates = dict(zip(days, resolve_all([view.surfaces[i] for i in days], published=published,
                                       sentences=[view.sentences[view.sentence_of[i]] for i in days]), strict=True))
    position = {e.id: i for i, e in enumerate(entities)}
    stated = [_stated(parties, pair_links, relations, clusters, view) for parties in agreements]
    drafts = []
    for agreement, signing in zip(stated, _signing(stated, relations, clusters, view), strict=True):
        if is_denied(view.sentences[s] for s in agreement.sentences):
            continue
        others = frozenset().union(*(a.parties for a in stated if a is not agreement))
        event = _event(agreement, signing, entities, relations, clusters, view, dates, published)
        event = _with_fields(event, (agreement.parties - others, others - agreement.parties), agreement.sentences, entities,
                             clusters, view, published)
        drafts.append((min(position[i] for i in agreement.mentions), event))
    return tuple(event for _, event in sorted(drafts, key=lambda d: d[0]))


def spokes(strength: Mapping[frozenset[int], float]) -> set[frozenset[int]]:
    """Pairs that only look joined because both sign with the same hub: each end is joined to a third party much more
    surely than to the other.

    Args:
        strength: score of each pair of parties; those of gold are all 1, and nothing is weaker than anything.
    """
    ends = set().union(*strength) if strength else set()

    def joined(one: int, other: int) -> float:
        return strength.get(frozenset((one, other)), 0.0)

    return {pair for pair, score in strength.items() for one, other in [sorted(pair)]
            if any(score < SPOKE_SHARE * min(joined(one, hub), joined(other, hub)) for hub in ends - pair)}


def _agreements(pairs: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Maximal cliques of the signing graph: a hub's pairs stay apart, a three-way agreement is one set."""
    if len(pairs) < 3:
        return list(pairs)
    import networkx  # its import costs more than most articles need it for

    graph = networkx.Graph([tuple(pair) for pair in pairs])
    remaining = set(pairs)
    found: list[frozenset[int]] = []
    # Cliques can be exponentially many; a graph this dense is no set of agreements but noise, and stays pairs.
    cliques = networkx.find_cliques(graph) if len(pairs) <= MAX_CLIQUE_PAIRS else ()
    for clique in sorted(cliques, key=lambda c: (-len(c), sorted(c))):
        edges = {frozenset(edge) for edge in itertools.combinations(clique, 2)}
        if len(clique) > 2 and edges <= remaining:
            found.append(frozenset(clique))
            remaining -= edges
    return found + [pair for pair in pairs if pair in remaining]


def _signer(relation: Relation) -> str | None:
    """The institution that a relation makes a party without naming another."""
    return {"SIGNED_FOR": relation.tail, "SIGNED_ON": relation.head}.get(relation.type)


def _of_one_day(
    relations: Sequence[Relation], clusters: Clusters, view: TextView, paired: AbstractSet[int]
) -> list[frozenset[int]]:
    """Pairs that no SIGNED_WITH joins, but one date in the sentence of both: two who sign on a day sign with each other,
    unless they do so with others each for itself."""
    signers: dict[str, set[int]] = defaultdict(set)
    for relation in relations:
        if relation.type == "SIGNED_ON" and view.sentence_of[relation.head] == view.sentence_of[relation.tail]:
            signers[relation.tail].add(clusters.of[relation.head])
    found: list[frozenset[int]] = []
    for day, parties in signers.items():
        each_for_itself = "分别" in view.sentences[view.sentence_of[day]]
        if len(parties) == 2 and not each_for_itself and not parties & {*paired, *itertools.chain(*found)}:
            found.append(frozenset(parties))
    return found


@dataclass(frozen=True, kw_only=True)
class _Agreement:
    """One set of parties and what states it."""

    parties: frozenset[int]
    links: Sequence[Relation]  # SIGNED_WITH between them; none for a party alone
    mentions: Sequence[str]  # both ends of the links, else the party where somebody signs for it or it has a day
    sentences: KeysView[int]  # of these mentions, in order; a page can state one agreement ten thousand times


def _stated(
    parties: frozenset[int], pair_links: Mapping[frozenset[int], Sequence[Relation]], relations: Sequence[Relation],
    clusters: Clusters, view: TextView,
) -> _Agreement:
    links = [r for pair, found in pair_links.items() if pair <= parties for r in found]
    mentions = [i for r in links for i in (r.head, r.tail)] or [
        i for i in map(_signer, relations) if i is not None and clusters.of[i] in parties]
    return _Agreement(parties=parties, links=links, mentions=mentions,
                      sentences=dict.fromkeys(sorted({view.sentence_of[i] for i in mentions})).keys())


def _signing(
    stated: Sequence[_Agreement], relations: Sequence[Relation], clusters: Clusters, view: TextView
) -> list[list[Relation]]:
    """SIGNED_FOR of each agreement. Who signs for a hub does so in the sentence of one agreement, and for another only
    where that sentence names another of its parties."""
    named: dict[int, set[int]] = defaultdict(set)
    for mention, cluster in clusters.of.items():
        named[view.sentence_of[mention]].add(cluster)
    stating = {(party, sentence) for a in stated for party in a.parties for sentence in a.sentences}
    found: list[list[Relation]] = [[] for _ in stated]
    for relation in (r for r in relations if r.type == "SIGNED_FOR"):
        party, sentence = clusters.of[relation.tail], view.sentence_of[relation.head]
        for agreement, own in zip(stated, found, strict=True):
            if party in agreement.parties and (sentence in agreement.sentences or (party, sentence) not in stating
                                               or named[sentence] & (agreement.parties - {party})):
                own.append(relation)
    return found


def _event(
    agreement: _Agreement, signing: Sequence[Relation], entities: Sequence[Entity], relations: Sequence[Relation],
    clusters: Clusters, view: TextView, dates: Mapping[str, str | None], published: str | None,
) -> Event:
    parties, sentences = agreement.parties, agreement.sentences
    label_of = {clusters.of[e.id]: e.label for e in entities if e.id in clusters.of}
    order = sorted(parties, key=lambda c: next(i for i, e in enumerate(entities) if clusters.of.get(e.id) == c))
    alone = [r for r in relations if (party := _signer(r)) is not None and clusters.of[party] in parties]
    scores = [r.score for r in agreement.links or alone if r.score is not None]
    return Event(
        parties=tuple(clusters.names[c] for c in order if label_of[c] == "HOSPITAL"),
        other_parties=tuple(clusters.names[c] for c in order if label_of[c] == "ORG"),
        signatories=_signatories(signing, relations, clusters, view),
        date=_date(parties, sentences, relations, clusters, view, dates, published and published[:10]),
        evidence=tuple(e.id for e in entities if view.sentence_of[e.id] in sentences),
        score=round(max(scores), 4) if scores else None,
    )


def _with_fields(
    event: Event, alone: tuple[frozenset[int], frozenset[int]], sentences: KeysView[int], entities: Sequence[Entity],
    clusters: Clusters, view: TextView, published: str | None,
) -> Event:
    """Agreement, kind, status and sentence offsets; ``alone`` are the parties that only this agreement has, and those
    that only others have."""
    named = [e.id for e in entities if e.id in clusters.of]
    own, neighbours = ({view.surfaces[i] for i in named if clusters.of[i] in group} for group in alone)
    # An organisation of another kind beside a party alone may be the partner that it was not joined with, whoever else's
    # it is: 甲院与乙大学、丙院与丁公司签约.
    is_alone = len(event.parties) + len(event.other_parties) == 1
    partners = {view.surfaces[e.id] for e in entities if is_alone and e.label == ORG}
    text = EventText(
        stated=[view.sentences[s].strip() for s in sentences],
        headline=next((s.strip() for s in view.sentences if s), ""),
        rest=[s.strip() for i, s in enumerate(view.sentences) if s and i not in sentences],
        own=own, neighbours=neighbours - partners, names={view.surfaces[i] for i in named}, partners=partners - own,
        hospitals=event.parties, others=event.other_parties, date=event.date, published=published)
    agreement = agreement_name(text)
    return replace(event, agreement=agreement, kind=event_kind(text, agreement), status=event_status(text),
                   sentences=tuple(view.bounds[s] for s in sentences) if view.bounds else ())


def _signatories(
    signing: Sequence[Relation], relations: Sequence[Relation], clusters: Clusters, view: TextView
) -> tuple[Signatory, ...]:
    """Each person who signed, with the posts of the signing sentence or, if it gives none, of the article."""
    roles: dict[str, list[str]] = defaultdict(list)
    for relation in relations:
        if relation.type == "HOLDS_ROLE":
            roles[relation.head].append(relation.tail)
    found: dict[int, tuple[str, tuple[str, ...], str]] = {}
    # Where some sign and others unveil a plaque beside them, only the former are signatories.
    for relation in [r for r in signing if not _unveils(r.head, view)] or signing:
        person = clusters.of[relation.head]
        here = _unique(view.surfaces[i] for i in roles[relation.head])
        if not here:
            here = _unique(view.surfaces[i] for mention, ids in roles.items() if clusters.of[mention] == person
                           for i in ids)
        known = found.get(person)
        if known is None or len(here) > len(known[1]):
            found[person] = clusters.names[person], here, clusters.names[clusters.of[relation.tail]]
    return tuple(Signatory(person=name, roles=posts, hospital=hospital) for name, posts, hospital in found.values())


def _unveils(person: str, view: TextView) -> bool:
    """True if what the sentence says next of the person's hand is an unveiling, not a signature."""
    sentence = view.sentences[view.sentence_of[person]]
    deed = _DEED.search(sentence, max(0, sentence.find(view.surfaces[person])))
    return deed is not None and not deed[0].startswith("签")


def _date(
    parties: frozenset[int], sentences: KeysView[int], relations: Sequence[Relation], clusters: Clusters,
    view: TextView, dates: Mapping[str, str | None], page: str | None,
) -> str | None:
    """The date that SIGNED_ON ties to most of the parties: one of the stating sentences first, then the more precise,
    then the better scored, then the first in the text. An article without SIGNED_ON, which does not cross paragraphs,
    names the day above the statement: the last such day but that of the page."""
    signed = [r for r in relations if r.type == "SIGNED_ON"]
    tied: dict[str, set[int]] = defaultdict(set)
    for relation in signed:
        if date := dates.get(relation.tail):
            tied[date].add(clusters.of[relation.head])
    own = [(len(tied[date] & parties), view.sentence_of[r.tail] in sentences, len(date.partition("/")[0]), r.score or 1.0,
            -order, date)
           for order, r in enumerate(signed) if clusters.of[r.head] in parties and (date := dates.get(r.tail))]
    if own:
        return max(own)[-1]
    if signed:
        return None  # the day of another agreement: in the training articles it was this one's in 1 of 12 cases
    named = [date for i, date in dates.items() if date and len(date) == len("2024-11-08") and date != page
             and view.sentence_of[i] < max(sentences) and view.sentence_of[i] not in sentences]
    return named[-1] if named else None


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m models.events merge …``: see :mod:`models.merge`."""
    from models.merge import main as merge

    return merge(argv)


if __name__ == "__main__":
    sys.exit(run_command(main))
