"""``python -m eval.clusters --data GOLD …``: how well mentions are grouped into institutions and persons.

The official figure is CoNLL-2012 F1 (Pradhan et al. 2012): the mean of the F1 of MUC (Vilain et al. 1995), B³ (Bagga and
Baldwin 1998) and CEAF-e (Luo 2005), in the forms of the reference scorer (Pradhan et al. 2014), whose sums run over all
articles. As in CoNLL-2012, clusters of one mention are left out of gold and prediction alike. B³ and CEAF-e with such
clusters stand beside it: there every mention counts, those rightly left alone too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from data.article import Article
from data.errors import EXIT_OK, DataError, run_command
from data.schema import HOSPITAL, ORG
from data.sources import read_sources
from eval.bootstrap import Table, interval, ratio_of_sums
from models.aliases import cluster_article

Mention = tuple[int, int, str]  # char_start, char_end, label
Partition = Sequence[frozenset[Mention]]
PARTS: dict[str, frozenset[str]] = {
    "institutions": frozenset({HOSPITAL, ORG}), "persons": frozenset({"PERSON"}),
    "both": frozenset({HOSPITAL, ORG, "PERSON"}),
}


@dataclass(frozen=True)
class Tally:
    """Numerators and denominators of recall and precision; adds up over articles."""

    recalled: float = 0.0
    gold: float = 0.0
    precise: float = 0.0
    predicted: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.recalled + other.recalled, self.gold + other.gold,
                     self.precise + other.precise, self.predicted + other.predicted)

    @property
    def recall(self) -> float:
        """0 without gold."""
        return self.recalled / self.gold if self.gold else 0.0

    @property
    def precision(self) -> float:
        """0 without predictions."""
        return self.precise / self.predicted if self.predicted else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is neither gold nor prediction."""
        if not self.gold and not self.predicted:
            return 1.0
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def muc(gold: Partition, predicted: Partition) -> Tally:
    """MUC (Vilain et al. 1995): links that need not be added to make one partition of the other."""
    def common_links(one: Partition, other: Partition) -> tuple[float, float]:
        of = {m: i for i, cluster in enumerate(other) for m in cluster}
        parts = (len({of.get(m, m) for m in cluster}) for cluster in one)
        return sum(len(c) - n for c, n in zip(one, parts, strict=True)), sum(len(c) - 1 for c in one)

    return Tally(*common_links(gold, predicted), *common_links(predicted, gold))


def b_cubed(gold: Partition, predicted: Partition) -> Tally:
    """B³ (Bagga and Baldwin 1998) over all mentions of a side; a mention that the other side lacks counts as wrong."""
    def shared(one: Partition, other: Partition) -> tuple[float, float]:
        return sum(len(c & d) ** 2 / len(c) for c in one for d in other), sum(len(c) for c in one)

    return Tally(*shared(gold, predicted), *shared(predicted, gold))


def ceaf_e(gold: Partition, predicted: Partition) -> Tally:
    """CEAF-e (Luo 2005): similarity φ4 = 2|K∩R| / (|K|+|R|) under the best one-to-one match of the clusters."""
    if not gold or not predicted:
        return Tally(0.0, len(gold), 0.0, len(predicted))
    similarity = np.array([[2 * len(k & r) / (len(k) + len(r)) for r in predicted] for k in gold])
    best = float(similarity[linear_sum_assignment(similarity, maximize=True)].sum())
    return Tally(best, len(gold), best, len(predicted))


METRICS = {"muc": muc, "b_cubed": b_cubed, "ceaf_e": ceaf_e}


def partition(article: Article, labels: frozenset[str], *, singletons: bool) -> list[frozenset[Mention]]:
    """The clusters of an article as sets of mentions; a mention that stands in no cluster is one of its own."""
    mentions = {e.id: (e.char_start, e.char_end, e.label) for e in article.entities if e.label in labels}
    clusters = [frozenset(mentions[i] for i in ids if i in mentions) for ids in article.clusters]
    grouped = {i for ids in article.clusters for i in ids}
    clusters += [frozenset({mention}) for i, mention in mentions.items() if i not in grouped]
    return [c for c in clusters if len(c) > (0 if singletons else 1)]


def score_clusters(pairs: Iterable[tuple[Article, Article]]) -> dict[str, Any] | None:
    """Cluster scores of ``(gold, predicted)`` articles by part: institutions, persons, both.

    Articles whose gold has mentions but no clusters were not annotated for them and are left out; None without others.
    """
    annotated = [(g, p) for g, p in pairs if g.clusters or not any(e.label in PARTS["both"] for e in g.entities)]
    if not any(g.clusters for g, _ in annotated):
        return None
    return {"articles": len(annotated), **{name: _score_part(annotated, labels) for name, labels in PARTS.items()}}


def _score_part(pairs: Sequence[tuple[Article, Article]], labels: frozenset[str]) -> dict[str, Any]:
    official = [(partition(g, labels, singletons=False), partition(p, labels, singletons=False)) for g, p in pairs]
    whole = [(partition(g, labels, singletons=True), partition(p, labels, singletons=True)) for g, p in pairs]
    tallies = {name: [metric(g, p) for g, p in official] for name, metric in METRICS.items()}
    scores = {name: _scores(sum(per_article, Tally())) for name, per_article in tallies.items()}
    return {
        "conll_f1": sum(s["f1"] for s in scores.values()) / len(scores), "interval": _interval(list(tallies.values())), **scores,
        "with_singletons": {n: _scores(sum((METRICS[n](g, p) for g, p in whole), Tally())) for n in ("b_cubed", "ceaf_e")},
        "clusters": sum(len(g) for g, _ in official), "mentions": sum(len(c) for g, _ in official for c in g),
    }


def _interval(tallies: Sequence[Sequence[Tally]]) -> list[float]:
    """The bootstrap interval of the mean F1 of several metrics over articles."""
    table = np.array([[x for t in of_article for x in (t.recalled, t.gold, t.precise, t.predicted)]
                      for of_article in zip(*tallies, strict=True)])

    def mean_f1(sums: Table) -> NDArray[np.float64]:
        parts = []
        for part in np.split(sums, len(tallies), axis=1):
            recall, precision = ratio_of_sums(part[:, :2]), ratio_of_sums(part[:, 2:])
            f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
            parts.append(np.where((part[:, 1] == 0) & (part[:, 3] == 0), 1.0, f1))
        return np.mean(parts, axis=0)

    return interval(table, mean_f1)


def _scores(tally: Tally) -> dict[str, float]:
    return {"precision": tally.precision, "recall": tally.recall, "f1": tally.f1}


def on_gold_mentions(articles: Iterable[Article]) -> list[tuple[Article, Article]]:
    """Each gold article beside itself with the clusters that ``models.aliases`` makes of its mentions."""
    return [(a, replace(a, clusters=cluster_article(a).groups())) for a in articles]


def table(scores: dict[str, Any]) -> str:
    """The scores as lines of plain text."""
    rows: list[tuple[str, ...]] = [
        ("", "MUC", "B³", "CEAF-e", "CoNLL", "clusters", "mentions", "B³+1", "CEAF-e+1")]
    for name in PARTS:
        part = scores[name]
        figures = [part["muc"]["f1"], part["b_cubed"]["f1"], part["ceaf_e"]["f1"], part["conll_f1"]]
        rows.append((name, *(f"{f:.3f}" for f in figures), str(part["clusters"]), str(part["mentions"]),
                     *(f"{part['with_singletons'][n]['f1']:.3f}" for n in ("b_cubed", "ceaf_e"))))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def wrong_clusters(gold: Article, predicted: Article) -> list[str]:
    """Each gold cluster that was split and each predicted one that mixes, as ``what: surfaces``."""
    texts = {(e.char_start, e.char_end, e.label): e.text for e in gold.entities}
    wanted, found = (partition(a, PARTS["both"], singletons=True) for a in (gold, predicted))
    lines = []
    for what, one, other in (("split", wanted, found), ("mixed", found, wanted)):
        for cluster in one:
            pieces = [sorted(cluster & c) for c in other if cluster & c]
            if len(pieces) > 1:
                shown = (" ".join(f"{texts[m]}×{n}" if n > 1 else texts[m] for m, n in _counted(p, texts)) for p in pieces)
                lines.append(f"{what}: " + " | ".join(shown))
    return lines


def _counted(mentions: Sequence[Mention], texts: dict[Mention, str]) -> list[tuple[Mention, int]]:
    """The first mention of each surface, with how often it stands there."""
    first: dict[str, Mention] = {}
    for m in mentions:
        first.setdefault(texts[m], m)
    surfaces = [texts[m] for m in mentions]
    return [(m, surfaces.count(text)) for text, m in first.items()]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval.clusters", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Score the grouping of gold mentions into institutions and persons (CoNLL-2012 F1).",
        epilog="examples:\n  python -m eval.clusters --data data/gold/seeds.jsonl data/corpus@dev\n"
               "  python -m eval.clusters --data data/corpus@dev --errors\n"
               "MUC, B³, CEAF-e, CoNLL: F1 without clusters of one mention, as CoNLL-2012 scores; "
               "B³+1, CEAF-e+1: with them.")
    parser.add_argument("--data", required=True, nargs="+", metavar="GOLD", help="gold .jsonl files, or data/corpus@dev")
    parser.add_argument("--errors", action="store_true", help="list each cluster that was split or mixed, by article")
    args = parser.parse_args(argv)
    every: list[tuple[Article, Article]] = []
    for source in args.data:
        pairs = on_gold_mentions(read_sources([source]))
        every += pairs
        scores = score_clusters(pairs)
        if scores is None:
            raise DataError("no gold clusters here", place=source, repair="annotate them with @alias; see data/markup.py")
        print(f"{source}: {scores['articles']} articles, gold mentions\n{table(scores)}\n")
        for gold, predicted in pairs if args.errors else ():
            for line in wrong_clusters(gold, predicted):
                print(f"{gold.id}: {line}")
    if len(args.data) > 1 and (scores := score_clusters(every)):
        print(f"all: {scores['articles']} articles, gold mentions\n{table(scores)}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
