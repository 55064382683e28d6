"""Hints: what the rules find, read by the encoder through BERT's token-type embeddings.

A model trained on little text knows few names; rules know their shapes (surnames beside posts, 医院 at the end, dates)
but not their exceptions. Each token's type says whether a rule begins (B) or continues (I) a mention there, so the model
learns where rules are right, in the spirit of lexicon features for Chinese NER (Ma et al. 2020, SoftLexicon,
https://arxiv.org/abs/1908.05969). Type 0 is "no hint": a stock pipeline that knows no hints feeds exactly that, and
training hides them from a share of the articles so that the tagger also works without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from models import rule_patterns as patterns
from models.gazetteer import CleanSpan, Gazetteer
from models.rule_tagger import RuleTagger

# The order fixes what a token type means; it does not depend on the schema, so ORG hints also serve a model without ORG.
HINT_LABELS = ("HOSPITAL", "PERSON", "ROLE", "DATE", "ORG")
TOKEN_TYPES = 1 + 2 * len(HINT_LABELS)
# The rules compare each mention with every other one of their text; long documents come in parts of this many characters.
PART_CHARS = 4000
# What a tag that goes on with a hint's mention gains when spans are decoded: a name that the tagger begins where a rule does
# is seldom cut inside the rule's name. Chosen on the development set (0.5 to 2 do about the same).
CONTINUATION_BONUS = 1.0
NO_NAMES = Gazetteer.from_labels({})


def hint_spans(text: str) -> Iterator[CleanSpan]:
    """Mentions that the rules find in clean text, in order, without any dictionary of training names."""
    for start, end in _parts(text):
        for span in RuleTagger(text[start:end], NO_NAMES, patterns.SURNAMES).tag():
            yield CleanSpan(char_start=span.char_start + start, char_end=span.char_end + start, label=span.label)


def hint_types(text: str, token_start: np.ndarray, token_end: np.ndarray) -> np.ndarray:
    """Token types ``(N,)`` from the clean-text offsets of N tokens; see :data:`HINT_LABELS`."""
    types = np.zeros(len(token_start), dtype=np.int64)
    for span in hint_spans(text):
        first = int(np.searchsorted(token_end, span.char_start, side="right"))
        last = int(np.searchsorted(token_start, span.char_end, side="left"))
        label = HINT_LABELS.index(span.label)
        types[first:last] = 2 + 2 * label
        if first < last:
            types[first] = 1 + 2 * label
    return types


def continuation_bonus(token_types: np.ndarray, tags: Sequence[str]) -> np.ndarray:
    """``(N, tags)`` to add to tag scores in the search for the best path: tokens that continue a hint."""
    bonus = np.zeros((len(token_types), len(tags)))
    for i, label in enumerate(HINT_LABELS):
        if f"I-{label}" in tags:
            bonus[token_types == 2 + 2 * i, list(tags).index(f"I-{label}")] = CONTINUATION_BONUS
    return bonus


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of about ``PART_CHARS`` characters that end at a line or sentence end where there is one."""
    start = 0
    while start < len(text):
        end = min(len(text), start + PART_CHARS)
        if end < len(text):
            borders = [m.end() for m in re.finditer(r"[\n。]", text[start:end])]
            end = start + borders[-1] if borders else end
        yield start, end
        start = end
