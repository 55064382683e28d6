"""Who was taken for whom: the confusion matrix of labels with its boundary kinds, top confusions, top surfaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.article import Entity
from data.clean import surface
from eval.errors_of import SpanError

NONE = "none"  # the row of what gold has not, the column of what the prediction has not
BOUNDARY_KINDS = ("longer", "shorter", "shifted")
TOP = 12


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """Counts over all span judgements.

    ``matrix[gold label, predicted label]`` counts spans (``none`` for nothing there), spans with wrong offsets
    included; ``boundary[label, kind]`` counts those with the right label and wrong offsets, by ``BOUNDARY_KINDS``.
    The lists hold what is most frequent, with its count.
    """

    matrix: Counter[tuple[str, str]]
    boundary: Counter[tuple[str, str]]
    labels: Sequence[tuple[tuple[str, str], int]]
    missed: Sequence[tuple[tuple[str, str], int]]
    spurious: Sequence[tuple[tuple[str, str], int]]
    cut: Sequence[tuple[tuple[str, str, str], int]]


def boundary_kind(gold: Entity, predicted: Entity) -> str:
    """``longer`` where the prediction holds the gold span, ``shorter`` where it lies within it, else ``shifted``."""
    if predicted.char_start <= gold.char_start and predicted.char_end >= gold.char_end:
        return "longer"
    if predicted.char_start >= gold.char_start and predicted.char_end <= gold.char_end:
        return "shorter"
    return "shifted"


def confusions(judgements: Iterable[SpanError]) -> Confusions:
    """Count the judgements on the spans of all articles."""
    matrix: Counter[tuple[str, str]] = Counter()
    boundary: Counter[tuple[str, str]] = Counter()
    surfaces: dict[str, Counter[tuple[str, str]]] = {"missed": Counter(), "spurious": Counter()}
    cut: Counter[tuple[str, str, str]] = Counter()
    for error in judgements:
        gold, found = error.gold, error.predicted
        matrix[gold.label if gold else NONE, found.label if found else NONE] += 1
        if gold and found and error.kind == "boundary":
            boundary[gold.label, boundary_kind(gold, found)] += 1
            cut[_surface(gold), _surface(found), gold.label] += 1
        alone = gold if error.kind == "missed" else found if error.kind == "spurious" else None
        if alone:
            surfaces[error.kind][_surface(alone), alone.label] += 1
    mixed = Counter({pair: n for pair, n in matrix.items() if pair[0] != pair[1] and NONE not in pair})
    return Confusions(matrix=matrix, boundary=boundary, labels=mixed.most_common(TOP), cut=cut.most_common(TOP),
                      missed=surfaces["missed"].most_common(TOP), spurious=surfaces["spurious"].most_common(TOP))


def _surface(entity: Entity) -> str:
    return surface(entity.text) or entity.text
