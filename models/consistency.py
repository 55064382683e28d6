"""Mentions of one article vouch for each other: what is certainly a name in one place is one in the next, too.

Label consistency within a document (Krishnan and Manning 2006, https://aclanthology.org/P06-1141/), here by rule: a
doubtful mention is as good as the best mention of its label whose name is its own, or ends on it (协和医院 after
北京协和医院), a name that the tagger is sure of stands wherever else it does not rule it out, and a doubtful name that is
a sure one and a character is that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from data.names import surname_of
from data.tags import TokenSpan
from models.inputs import EncodedArticle

SHORTEST_ENDING = 3  # characters; 医院 alone ends every name
SHORTEST_NAME = {"HOSPITAL": 4, "ORG": 4, "PERSON": 2}  # characters; posts and dates are nobody's name
SURE = 0.9  # score of a mention from which its name is looked for in the rest of the article
DOUBTFUL = 0.95  # score below which a person's name may be a name that stands elsewhere, and one character too many
SEEN = 0.01  # mean probability of the label from which it is found there: a name in the name of another thing has less


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


def trimmed_names(article: EncodedArticle, spans: Sequence[TokenSpan], labels: Sequence[str]) -> list[TokenSpan]:
    """The spans, and a doubtful person's name that stands once and is another one and a character cut down to that one:
    袁霞和 where 袁霞 stands twice and for sure. In the training corpus every gold name that goes on so begins with a
    compound surname, which is left alone: 司空岩 beside 司空.
    """
    names = [article.clean_name(s) if labels[s.label] == "PERSON" else "" for s in spans]
    standing = Counter(names)
    best: dict[str, float] = {}
    for name, span in zip(names, spans, strict=True):
        best[name] = max(span.score, best.get(name, 0.0))
    trimmed = []
    for name, span in zip(names, spans, strict=True):
        short = name[:-1]
        doubtful = standing[name] == 1 and span.score < DOUBTFUL and short != surname_of(name)
        if doubtful and len(short) >= SHORTEST_NAME["PERSON"] and standing[short] > 1 and best[short] >= max(SURE, span.score):
            cut = replace(span, token_end=span.token_end - 1, score=best[short])
            span = cut if article.clean_name(cut) == short else span  # Latin tokens hold more than one character
        trimmed.append(span)
    return trimmed


def repeated_names(
    article: EncodedArticle, spans: Sequence[TokenSpan], labels: Sequence[str], support: np.ndarray
) -> list[TokenSpan]:
    """The spans, and with them further places of their names, in order.

    In the training corpus 99.8 % of the places where the name of a hospital or a person stands again are mentions or
    part of a longer one.

    Args:
        article: its clean text is searched; a name must begin and end with a token.
        spans: what was decoded; nothing is found where one of them is.
        labels: of the schema, by index.
        support: ``(N, labels)`` probability that a token belongs to a mention of a label.
    """
    names = sorted(_sure(article, spans, labels).items(), key=lambda item: (-len(item[0][1]), item[0]))
    if not names:
        return list(spans)
    text, starts, ends, inside = article.clean.text, article.token_char_start, article.token_char_end, article.inside_word()
    free = np.ones(len(starts), dtype=bool)
    for span in spans:
        free[span.token_start : span.token_end] = False
    found = list(spans)
    for (label, name), score in names:
        char = text.find(name, starts[0], ends[-1])
        while char >= 0:
            start, last = np.searchsorted(starts, char).item(), np.searchsorted(ends, char + len(name)).item()
            end = last + 1
            whole = starts[start] == char and ends[last] == char + len(name) and not (inside[start] or inside[end : end + 1].any())
            if whole and free[start:end].all() and support[start:end, label].mean() >= SEEN:
                free[start:end] = False
                found.append(TokenSpan(label=label, token_start=start, token_end=end, score=score))
            char = text.find(name, char + len(name), ends[-1])
    return sorted(found, key=lambda s: s.token_start)


def _sure(article: EncodedArticle, spans: Sequence[TokenSpan], labels: Sequence[str]) -> Mapping[tuple[int, str], float]:
    """Label and name of every mention that is long and certain enough, with its best score."""
    best: dict[tuple[int, str], float] = {}
    for span in (s for s in spans if s.score >= SURE):
        name = article.clean_name(span)
        # A foreign person goes on under the last part of the name: in the corpus it is never anything else.
        last = name.rpartition("·")[2] if labels[span.label] == "PERSON" else name
        for form in {name, last}:
            if len(form) >= SHORTEST_NAME.get(labels[span.label], len(form) + 1):
                best[span.label, form] = max(span.score, best.get((span.label, form), 0.0))
    return best
