"""A dictionary of surfaces learned from annotated articles, matched longest first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from data.article import Article
from data.clean import CleanText, clean_text


@dataclass(frozen=True, kw_only=True, order=True)
class CleanSpan:
    """A labelled stretch of clean text, half-open, in characters."""

    char_start: int
    char_end: int
    label: str

    def overlaps(self, other: CleanSpan) -> bool:
        """True where both spans share a character."""
        return self.char_start < other.char_end and other.char_start < self.char_end


@dataclass(frozen=True)
class Gazetteer:
    """The most frequent label of each clean surface that was ever annotated."""

    label_of: Mapping[str, str]
    lengths: Mapping[str, Sequence[int]]  # by first character, the longest first

    @classmethod
    def from_articles(cls, train: Iterable[Article]) -> Gazetteer:
        """Learn every surface of the gold mentions; a tie goes to the label met first."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for article in train:
            for span, surface in clean_mentions(article, clean_text(article.text)):
                counts[surface][span.label] += 1
        return cls.from_labels({s: c.most_common(1)[0][0] for s, c in counts.items()})

    @classmethod
    def from_labels(cls, label_of: Mapping[str, str]) -> Gazetteer:
        """A dictionary of given surfaces."""
        lengths: dict[str, set[int]] = defaultdict(set)
        for surface in label_of:
            lengths[surface[0]].add(len(surface))
        return cls(label_of, {c: sorted(found, reverse=True) for c, found in lengths.items()})

    def matches(self, text: str) -> Iterator[CleanSpan]:
        """Non-overlapping spans of known surfaces in clean text, leftmost first and the longest at each place."""
        start = 0
        while start < len(text):
            for length in self.lengths.get(text[start], ()):
                end = start + length
                label = self.label_of.get(text[start:end])
                # Near its end the text is shorter than the longest surfaces.
                if label is not None and end <= len(text) and not _inside_token(text, start, end):
                    yield CleanSpan(char_start=start, char_end=end, label=label)
                    start = end
                    break
            else:
                start += 1

    def reliable(self, train: Sequence[Article], *, least_share: float, labels: Collection[str]) -> Gazetteer:
        """What is left when only surfaces of ``labels`` stay that are a mention wherever training text holds them.

        Args:
            train: annotated articles.
            least_share: of its occurrences a surface must be annotated, 0 to 1.
            labels: other labels are dropped.
        """
        seen: Counter[tuple[str, str]] = Counter()
        right: Counter[tuple[str, str]] = Counter()
        for article in train:
            clean = clean_text(article.text)
            gold = {span for span, _ in clean_mentions(article, clean)}
            for span in self.matches(clean.text):
                key = clean.text[span.char_start : span.char_end], span.label
                seen[key] += 1
                right[key] += span in gold
        kept = {s: label for (s, label), n in seen.items()
                if label in labels and len(s) > 1 and right[s, label] >= least_share * n}
        return replace(self, label_of=kept)


def clean_mentions(article: Article, clean: CleanText) -> Iterator[tuple[CleanSpan, str]]:
    """Gold mentions on clean text with their surfaces; a mention of which cleaning leaves nothing is no surface."""
    for entity in article.entities:
        span = clean.to_clean(entity.char_start, entity.char_end)
        if span and (surface := clean.text[span[0] : span[1]].strip()):
            yield CleanSpan(char_start=span[0], char_end=span[1], label=entity.label), surface


def _inside_token(text: str, start: int, end: int) -> bool:
    """True where the stretch cuts a number or a Latin word in two."""
    def same_token(left: str, right: str) -> bool:
        return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()

    return (start > 0 and same_token(text[start - 1], text[start])) or (
        end < len(text) and same_token(text[end - 1], text[end]))
