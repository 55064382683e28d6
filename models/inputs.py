"""The one encoder of text to tensors: articles -> clean text -> tokens -> windows -> a batch.

Training, evaluation and inference all come through here; only training brings annotation along.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from data.article import Article
from data.clean import CleanText, clean_text
from data.schema import Schema
from data.tags import TokenSpan, spans_to_tags
from data.windows import Window, best_window, pack_windows, split_sentences
from models.hints import hint_types

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# The tokenizer is called on pieces of the text so that a line of many megabytes never becomes one call.
TOKENIZER_BATCH = 1024
# Evening out pays for articles of a few windows; a long document has one short window in many.
EVEN_WINDOWS = 8
WIDTH_STEP = 32
# Arrows, numbers in circles, boxes, shapes, dingbats; the number of a picture before its caption.
_SYMBOL = re.compile("[\u2190-\u21ff\u2460-\u27bf]|^[P图]\\d{1,2}(?=[ :.])", re.MULTILINE)
# Marks that part what they stand between: of 35,000 gold mentions none holds one, but for the comma of Co., Ltd.
_PARTING = re.compile("[、。;!?:\"“”《》]|,(?! ?[A-Za-z])")
SYMBOL_CHARS = 4  # more than the longest has, so that a part of a text sees one whole that its border cuts


@dataclass(frozen=True, kw_only=True)
class GoldPair:
    """An annotated relation between two of an article's gold spans, by their index."""

    head: int
    tail: int
    type: int


@dataclass(frozen=True, kw_only=True)
class EncodedArticle:
    """One article as tokens and windows; all token indices count the tokens of the whole article."""

    article: Article
    clean: CleanText
    token_ids: np.ndarray  # (N,)
    token_types: np.ndarray  # (N,) hints of the rules, 0 where there is none (models/hints.py)
    token_char_start: np.ndarray  # (N,) offsets in clean.text
    token_char_end: np.ndarray  # (N,)
    sentence_of_token: np.ndarray  # (N,)
    line_of_token: np.ndarray  # (N,) paragraph, counted in line breaks of the clean text
    windows: list[Window]
    window_of_token: np.ndarray  # (N,) the window whose scores count for a token
    place_in_window: np.ndarray  # (N,)
    spans: tuple[TokenSpan, ...] = ()
    pairs: tuple[GoldPair, ...] = ()
    dropped: Counter[str] = field(default_factory=Counter)

    def raw_span(self, span: TokenSpan) -> tuple[int, int]:
        """``(char_start, char_end)`` of a token span in the raw text."""
        return self.clean.to_raw(
            int(self.token_char_start[span.token_start]), int(self.token_char_end[span.token_end - 1])
        )

    def inside_word(self) -> np.ndarray:
        """``(N,)`` whether a token goes on with a word in Latin letters that the one before it begins."""
        text, starts = self._stretch()
        codes = np.frombuffer((" " + text).encode("utf-32-le"), dtype=np.uint32) | ord(" ")  # small letters
        letter = (codes >= ord("a")) & (codes <= ord("z"))
        return letter[starts] & letter[starts + 1]

    def symbols(self) -> np.ndarray:
        """``(N,)`` whether a token is a symbol that no mention holds, such as ③ or P2 before a caption."""
        return self._within(_SYMBOL)

    def parting_marks(self) -> np.ndarray:
        """``(N,)`` whether a token is a mark that parts two mentions of our schemas, as in 7月12、13日."""
        return self._within(_PARTING)

    def _within(self, pattern: re.Pattern[str]) -> np.ndarray:
        """``(N,)`` whether a token begins in a match."""
        text, starts = self._stretch(margin=SYMBOL_CHARS)
        return np.isin(starts, np.array([i for m in pattern.finditer(text) for i in range(*m.span())], dtype=np.int64))

    def _stretch(self, margin: int = 0) -> tuple[str, np.ndarray]:
        """The clean text that the tokens cover (they may be a part of a long one), with ``margin`` characters on either
        side, and where in it each begins."""
        if len(self.token_ids) == 0:
            return "", self.token_char_start
        first = max(0, int(self.token_char_start[0]) - margin)
        return self.clean.text[first : int(self.token_char_end[-1]) + margin], self.token_char_start - first

    def clean_name(self, span: TokenSpan) -> str:
        """The clean text of a token span."""
        return self.clean.text[self.token_char_start[span.token_start] : self.token_char_end[span.token_end - 1]]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows of several articles as tensors, and where each article token's scores are found.

    Shapes: W windows of at most T tokens ([CLS] and [SEP] included), N article tokens in all.
    """

    input_ids: torch.Tensor  # (W, T)
    attention_mask: torch.Tensor  # (W, T)
    token_types: torch.Tensor  # (W, T)
    token_index: torch.Tensor  # (N,) flat index into (W * T)
    token_counts: list[int]  # tokens of each article; sums to N
    articles: list[EncodedArticle]


class TextEncoder:
    """Turns articles into :class:`EncodedArticle` and these into a :class:`Batch`.

    Args:
        tokenizer: a fast BERT tokenizer.
        schema: labels and relations that annotation is read into.
        max_tokens: tokens a window, [CLS] and [SEP] included; at most what the encoder has positions for.
        overlap_tokens: how far consecutive windows overlap.
        hints: let the rules mark what they find as token types.
    """

    def __init__(
        self, *, tokenizer: PreTrainedTokenizerBase, schema: Schema, max_tokens: int = 256, overlap_tokens: int = 32,
        hints: bool = False,
    ) -> None:
        self.tokenizer, self.schema, self.hints = tokenizer, schema, hints
        self.max_tokens, self.overlap_tokens = max_tokens, overlap_tokens

    def encode(self, article: Article) -> EncodedArticle:
        """Clean, tokenise and window one article, with whatever annotation of the schema it carries.

        Gold spans that no token span expresses are counted in ``dropped`` (``entity:unaligned``), with the
        relations that end on them; they stay in the gold that scores are taken against.
        """
        clean = clean_text(article.text)
        sentences = split_sentences(clean.text)
        ids, starts, ends, sentence_of, lengths = self._tokenise(clean.text, sentences)
        windows = self._even_windows(lengths)
        window_of, place = best_window(windows, len(ids))
        codes = np.frombuffer(clean.text.encode("utf-32-le"), dtype=np.uint32)
        breaks = np.flatnonzero(codes == ord("\n"))
        dropped: Counter[str] = Counter()
        spans, pairs = self._gold(article, clean, starts, ends, dropped)
        return EncodedArticle(
            article=article, clean=clean, token_ids=ids,
            token_types=hint_types(clean.text, starts, ends) if self.hints else np.zeros_like(ids),
            token_char_start=starts, token_char_end=ends,
            sentence_of_token=sentence_of, line_of_token=np.searchsorted(breaks, starts), windows=windows,
            window_of_token=window_of, place_in_window=place,
            spans=spans, pairs=pairs, dropped=dropped,
        )

    def _even_windows(self, lengths: list[int]) -> list[Window]:
        """As few windows as the limit allows, but of about equal length: a last window of a few tokens would be
        padded to the length of the others, and its tokens would see little around them."""
        limit = self.max_tokens - 2
        windows = pack_windows(lengths, max_tokens=limit, overlap_tokens=self.overlap_tokens)
        count = len(windows)
        if 1 < count <= EVEN_WINDOWS:
            for share in (1.05, 1.15, 1.3):
                even = math.ceil(share * (sum(lengths) + (count - 1) * self.overlap_tokens) / count)
                if self.overlap_tokens < even < limit:
                    packed = pack_windows(lengths, max_tokens=even, overlap_tokens=self.overlap_tokens)
                    if len(packed) == count:
                        return packed
        return windows

    def _tokenise(
        self, text: str, sentences: Sequence[tuple[int, int]]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[int]]:
        """Token ids, clean-text offsets and sentence index of every token, and the tokens of each sentence."""
        ids: list[np.ndarray] = []
        starts: list[np.ndarray] = []
        ends: list[np.ndarray] = []
        lengths: list[int] = []
        for first in range(0, len(sentences), TOKENIZER_BATCH):
            chunk = sentences[first : first + TOKENIZER_BATCH]
            encoded = self.tokenizer(
                [text[s:e] for s, e in chunk], add_special_tokens=False, return_offsets_mapping=True,
                return_attention_mask=False, return_token_type_ids=False, verbose=False,
            )
            for (start, _), token_ids, offsets in zip(
                chunk, encoded["input_ids"], encoded["offset_mapping"], strict=True
            ):
                table = np.asarray(offsets, dtype=np.int64).reshape(-1, 2) + start
                ids.append(np.asarray(token_ids, dtype=np.int64))
                starts.append(table[:, 0])
                ends.append(table[:, 1])
                lengths.append(len(token_ids))
        sentence_of = np.repeat(np.arange(len(lengths)), lengths)
        empty = np.zeros(0, dtype=np.int64)
        return (np.concatenate(ids or [empty]), np.concatenate(starts or [empty]),
                np.concatenate(ends or [empty]), sentence_of, lengths)

    def _gold(
        self, article: Article, clean: CleanText, starts: np.ndarray, ends: np.ndarray, dropped: Counter[str]
    ) -> tuple[tuple[TokenSpan, ...], tuple[GoldPair, ...]]:
        index_of: dict[str, int] = {}
        spans: list[TokenSpan] = []
        for entity in sorted(article.entities, key=lambda e: e.char_start):
            if entity.label not in self.schema.labels:
                dropped[f"entity:{entity.label}"] += 1
                continue
            clean_span = clean.to_clean(entity.char_start, entity.char_end)
            first, last = (-1, -1) if clean_span is None else token_range(starts, ends, *clean_span)
            if clean_span is None or first >= last or (spans and first < spans[-1].token_end):
                dropped["entity:unaligned"] += 1
                continue
            index_of[entity.id] = len(spans)
            spans.append(TokenSpan(token_start=first, token_end=last, label=self.schema.labels.index(entity.label)))
        types = {r.name: i for i, r in enumerate(self.schema.relations)}
        pairs = []
        for relation in article.relations:
            if relation.type in types and relation.head in index_of and relation.tail in index_of:
                pairs.append(GoldPair(head=index_of[relation.head], tail=index_of[relation.tail],
                                      type=types[relation.type]))
            else:
                dropped[f"relation:{relation.type}"] += 1
        return tuple(spans), tuple(pairs)

    def sections(self, article: EncodedArticle, *, max_tokens: int) -> Iterator[EncodedArticle]:
        """A long article as parts of at most ``max_tokens`` tokens, cut between sentences where there is such a place.

        Offsets stay those of the whole article; annotation is left out. No pair of mentions is scored across parts.
        """
        count, start = len(article.token_ids), 0
        while start < count:
            end = min(count, start + max_tokens)
            if end < count:
                sentence = int(np.searchsorted(article.sentence_of_token, article.sentence_of_token[end]))
                end = sentence if sentence > start else end
            part = slice(start, end)
            sentences = article.sentence_of_token[part] - article.sentence_of_token[start]
            windows = self._even_windows(np.bincount(sentences).tolist())
            window_of, place = best_window(windows, end - start)
            yield replace(
                article, token_ids=article.token_ids[part], token_types=article.token_types[part],
                token_char_start=article.token_char_start[part], token_char_end=article.token_char_end[part],
                sentence_of_token=sentences, line_of_token=article.line_of_token[part], windows=windows,
                window_of_token=window_of, place_in_window=place, spans=(), pairs=())
            start = end

    def batch(self, articles: Sequence[EncodedArticle]) -> Batch:
        """Pad the windows of several articles to one batch."""
        stretches = [(a, slice(w.token_start, w.token_end)) for a in articles for w in a.windows]
        rows = [a.token_ids[stretch] for a, stretch in stretches]
        width = 2 + max((len(row) for row in rows), default=0)
        # Few different shapes: kernels compiled for one (bf16 on a CPU, torch.compile) then serve again.
        width = min(-(-width // WIDTH_STEP) * WIDTH_STEP, max(self.max_tokens, width))
        # An article without a token has no window; one empty row keeps the shapes legal.
        input_ids = np.full((max(len(rows), 1), width), self.tokenizer.pad_token_id, dtype=np.int64)
        mask, types = np.zeros_like(input_ids), np.zeros_like(input_ids)
        mask[:, :2] = 1
        for r, row in enumerate(rows):
            input_ids[r, 1 : 1 + len(row)] = row
            input_ids[r, 1 + len(row)] = self.tokenizer.sep_token_id
            mask[r, : len(row) + 2] = 1
            article, stretch = stretches[r]
            types[r, 1 : 1 + len(row)] = article.token_types[stretch]
        input_ids[:, 0] = self.tokenizer.cls_token_id
        token_index, window_base = [], 0
        for a in articles:
            token_index.append((a.window_of_token + window_base) * width + a.place_in_window + 1)
            window_base += len(a.windows)
        flat = np.concatenate(token_index) if token_index else np.zeros(0, dtype=np.int64)
        return Batch(
            input_ids=torch.from_numpy(input_ids), attention_mask=torch.from_numpy(mask),
            token_types=torch.from_numpy(types),
            token_index=torch.from_numpy(flat.astype(np.int64)), token_counts=[len(a.token_ids) for a in articles],
            articles=list(articles),
        )


def token_range(starts: np.ndarray, ends: np.ndarray, char_start: int, char_end: int) -> tuple[int, int]:
    """Half-open range of the tokens that overlap ``[char_start, char_end)``; empty where none does."""
    return int(np.searchsorted(ends, char_start, side="right")), int(np.searchsorted(starts, char_end, side="left"))


def tag_targets(articles: Sequence[EncodedArticle]) -> torch.Tensor:
    """Gold tags ``(N,)`` of a batch's article tokens."""
    tags = [spans_to_tags(a.spans, len(a.token_ids)) for a in articles]
    return torch.from_numpy(np.concatenate(tags) if tags else np.zeros(0, dtype=np.int64))


def sentence_lengths(articles: Sequence[EncodedArticle]) -> list[int]:
    """Tokens of each sentence of a batch, in order."""
    lengths: list[int] = []
    for article in articles:
        count = len(article.token_ids)
        starts = np.flatnonzero(np.diff(article.sentence_of_token, prepend=-1))
        lengths += np.diff(starts, append=count).tolist() if count else []
    return lengths
