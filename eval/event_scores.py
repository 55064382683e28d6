"""Signing events as records: parties, dates, signatories, and the fields of a record, strictly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from data.article import Article, Event
from eval.bootstrap import interval, ratio_of_sums
from eval.counts import Counts, count_sets, scores_of

DATE_PRECISIONS = ("day", "month", "year", "interval", "open year", "none")
EVENT_FIELDS = ("agreement", "kind", "status")
EVENT_SCORES = ("parties", "record", "full_record", "signatories", "dates", "dates_of_matched",
                *(f"{name}_of_records" for name in EVENT_FIELDS))


def event_counts(gold: Article, predicted: Article) -> dict[str, Counts]:
    """Counts of one article's events by score.

    ``parties``; ``record`` (parties and date); ``full_record`` (with every field of ``EVENT_FIELDS`` and the
    signatories); ``signatories``; ``dates`` whatever the parties; ``dates_of_matched``: of events whose parties are right;
    ``<field>_of_records``: of events whose record is right (hits and misses: recall is accuracy).
    """
    gold_parties, found_parties = [_parties(v) for v in gold.events], [_parties(v) for v in predicted.events]
    records = count_sets([(_parties(v), v.date) for v in gold.events], [(_parties(v), v.date) for v in predicted.events])
    matched = count_sets(gold_parties, found_parties).hits
    return {
        "parties": count_sets(gold_parties, found_parties),
        "record": records,
        "full_record": count_sets(map(_full_record, gold.events), map(_full_record, predicted.events)),
        "signatories": count_sets(_signatories(gold.events), _signatories(predicted.events)),
        "dates": count_sets((v.date for v in gold.events if v.date), (v.date for v in predicted.events if v.date)),
        "dates_of_matched": Counts(records.hits, 0, matched - records.hits),
        **{f"{name}_of_records": _field_counts(gold.events, predicted.events, name) for name in EVENT_FIELDS},
    }


def date_precision(edtf: str | None) -> str:
    """``day``, ``month`` or ``year``; ``interval``; ``open year`` where the year is not known; ``none``."""
    if edtf is None:
        return "none"
    if "/" in edtf:
        return "interval"
    if edtf.startswith("XXXX"):
        return "open year"
    return ("year", "month", "day")[edtf.count("-")]


def dates_by_precision(pairs: Iterable[tuple[Article, Article]]) -> dict[str, Counts]:
    """Right (hits) and wrong (missed) dates of the gold events whose parties are found, by the precision of the gold.

    Args:
        pairs: each article's gold and prediction.
    """
    counts: Counter[tuple[str, bool]] = Counter()
    for gold, predicted in pairs:
        found = Counter((_parties(v), v.date) for v in predicted.events)
        parties = Counter(_parties(v) for v in predicted.events)
        # Right dates first: of two events with the same parties, each found one answers for one gold one.
        for event in sorted(gold.events, key=lambda v: not found[_parties(v), v.date]):
            key = _parties(event), event.date
            if parties[key[0]]:
                parties[key[0]] -= 1
                counts[date_precision(event.date), found[key] > 0] += 1
                found[key] -= 1
    return {name: Counts(hits=counts[name, True], missed=counts[name, False])
            for name in DATE_PRECISIONS if counts[name, True] or counts[name, False]}


def _field_counts(gold: Sequence[Event], found: Sequence[Event], name: str) -> Counts:
    """How often a field is right among events whose record is; that the gold names no agreement is to be got right too."""
    values = [[(_parties(v), v.date, getattr(v, name)) for v in events] for events in (gold, found)]
    records = count_sets(*([record[:2] for record in side] for side in values))
    right = count_sets(*values).hits
    return Counts(right, 0, records.hits - right)


def _parties(event: Event) -> frozenset[str]:
    return frozenset(event.parties) | frozenset(event.other_parties)


def _full_record(event: Event) -> tuple[Any, ...]:
    fields = (getattr(event, name) for name in EVENT_FIELDS)
    return _parties(event), event.date, *fields, frozenset((s.person, s.hospital) for s in event.signatories)


def _signatories(events: Iterable[Event]) -> set[tuple[str, str | None]]:
    return {(s.person, s.hospital) for v in events for s in v.signatories}


def score_events(pairs: Sequence[tuple[Article, Article]]) -> dict[str, Any]:
    """Every score of ``EVENT_SCORES``, dates by precision, and false events where nothing was signed."""
    per_article = [event_counts(g, p) for g, p in pairs]
    scores: dict[str, Any] = {}
    for name in EVENT_SCORES:
        scores[name] = scores_of([c[name] for c in per_article])
        scores[name]["hits"] = sum(c[name].hits for c in per_article)
    scores["dates_by_precision"] = {name: {"right": c.hits, "support": c.hits + c.missed}
                                    for name, c in dates_by_precision(pairs).items()}
    for name in EVENT_FIELDS:
        of_records = sum((c[f"{name}_of_records"] for c in per_article), Counts())
        scores[f"{name}_of_records"]["accuracy"] = of_records.recall
    negatives = np.array([(100.0 * len(p.events), 1.0) for g, p in pairs if not g.events]).reshape(-1, 2)
    scores["negative_articles"] = len(negatives)
    scores["false_events_per_100_negatives"] = float(negatives[:, 0].mean()) if len(negatives) else 0.0
    scores["false_events_interval"] = interval(negatives, ratio_of_sums)
    return scores
