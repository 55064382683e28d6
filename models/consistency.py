"""Mentions of one article vouch for each other: what is certainly a name in one place is one in the next, too.

Label consistency within a document (Krishnan and Manning 2006, https://aclanthology.org/P06-1141/), here by rule: a
doubtful mention is as good as the best mention of its label whose name is its own, or ends on it (协和医院 after
北京协和医院).
"""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST_ENDING = 3  # characters; 医院 alone ends every name


def shared_scores(labels: Sequence[str], names: Sequence[str], scores: Sequence[float]) -> list[float]:
    """For each of M mentions its own score or that of the best mention that vouches for it.

    Args:
        labels: ``M`` labels.
        names: ``M`` clean surfaces.
        scores: ``M`` scores of the mentions themselves.
    """
    best: dict[tuple[str, str], float] = {}
    for label, name, score in zip(labels, names, scores, strict=True):
        for start in range(max(1, len(name) - SHORTEST_ENDING + 1)):  # the name itself and its endings
            key = label, name[start:]
            best[key] = max(score, best.get(key, 0.0))
    return [best[label, name] for label, name in zip(labels, names, strict=True)]
