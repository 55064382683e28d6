"""Clean lines as one array of tokens, kept on disk, and the packed sequences that pre-training reads from it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from data.errors import DataError
from data.files import sha256_of
from data.text_corpus import read_corpus_lines, text_files

ENCODE_LINES = 4096
CLS_TOKENS = 1


@dataclass(frozen=True, kw_only=True)
class TokenCorpus:
    """L lines of N tokens in all. ``line_starts`` has L + 1 places; a word begins where ``word_starts`` is true."""

    ids: NDArray[np.uint16]  # (N,)
    word_starts: NDArray[np.bool_]  # (N,)
    line_starts: NDArray[np.int64]  # (L + 1,)
    weights: NDArray[np.float32]  # (L,)
    counts: dict[str, int]

    def split(self, held_out: int) -> tuple[TokenCorpus, TokenCorpus]:
        """All lines but each ``held_out``-th, and those."""
        held = np.arange(len(self.weights)) % held_out == 0
        return self._lines(np.flatnonzero(~held)), self._lines(np.flatnonzero(held))

    def _lines(self, lines: NDArray[np.int64]) -> TokenCorpus:
        places = self.places(lines)
        lengths = np.diff(self.line_starts)[lines]
        return TokenCorpus(ids=self.ids[places], word_starts=self.word_starts[places], weights=self.weights[lines],
                           line_starts=np.concatenate([[0], np.cumsum(lengths)]), counts=self.counts)

    def places(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """Token places of the given lines, one after the other."""
        lengths = np.diff(self.line_starts)[lines]
        ends = np.cumsum(lengths)
        return np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.line_starts[:-1][lines] - (ends - lengths), lengths)


def load_corpus(
    paths: Sequence[Path | str], tokenizer: PreTrainedTokenizerBase, *, weights: Mapping[str, float], words: bool,
    cache: Path,
) -> TokenCorpus:
    """Read, clean and tokenise text, or take what an earlier call left in ``cache``.

    Raises:
        DataError: the text is missing, broken or empty, or words are asked for and rjieba is not installed.
    """
    files = text_files(paths)
    vocabulary = json.dumps(sorted(tokenizer.get_vocab().items()))
    facts = [sha256_of(f) for f in files] + [json.dumps(dict(weights)), str(words), vocabulary, "2"]
    path = cache / (hashlib.sha256("".join(facts).encode()).hexdigest()[:16] + ".npz")
    if not path.is_file():
        corpus = _read(files, tokenizer, weights, words)
        cache.mkdir(parents=True, exist_ok=True)
        staging = path.with_suffix(f".{os.getpid()}.tmp.npz")
        np.savez(staging, ids=corpus.ids, word_starts=np.packbits(corpus.word_starts), line_starts=corpus.line_starts,
                 weights=corpus.weights, counts=np.array(json.dumps(corpus.counts)))
        os.replace(staging, path)
        return corpus
    with np.load(path, allow_pickle=False) as stored:
        ids = stored["ids"]
        return TokenCorpus(ids=ids, word_starts=np.unpackbits(stored["word_starts"], count=len(ids)).astype(bool),
                           line_starts=stored["line_starts"], weights=stored["weights"],
                           counts=json.loads(str(stored["counts"])))


def _read(
    files: Sequence[Path], tokenizer: PreTrainedTokenizerBase, weights: Mapping[str, float], words: bool
) -> TokenCorpus:
    counts: Counter[str] = Counter()
    ids: list[NDArray[np.uint16]] = []
    starts: list[NDArray[np.bool_]] = []
    lengths: list[int] = []
    line_weights: list[float] = []
    for lines in _chunks(read_corpus_lines(files, weights, counts)):
        texts = [line for line, _ in lines]
        encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=words, verbose=False)
        for i, text in enumerate(texts):
            token_ids = np.array(encoded["input_ids"][i], dtype=np.uint16)
            ids.append(token_ids)
            lengths.append(len(token_ids))
            starts.append(_word_starts(text, encoded["offset_mapping"][i]) if words else np.ones(len(token_ids), bool))
        line_weights += [weight for _, weight in lines]
    if not ids:
        raise DataError("no line is left after cleaning", place=", ".join(map(str, files)))
    unknown = sum(int((line == tokenizer.unk_token_id).sum()) for line in ids)
    return TokenCorpus(
        ids=np.concatenate(ids), word_starts=np.concatenate(starts), weights=np.array(line_weights, dtype=np.float32),
        line_starts=np.concatenate([[0], np.cumsum(lengths)]), counts={**counts, "unknown tokens": unknown})


def _chunks(lines: Iterator[tuple[str, float]]) -> Iterator[list[tuple[str, float]]]:
    chunk: list[tuple[str, float]] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == ENCODE_LINES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def can_segment() -> bool:
    """True where the segmenter for whole words is installed."""
    return importlib.util.find_spec("rjieba") is not None


def _word_starts(text: str, offsets: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which tokens begin a word, by the segmenter of rjieba."""
    try:
        import rjieba
    except ImportError as fault:
        raise DataError("whole-word masking needs rjieba", place="masking.kind",
                        repair="pip install 'qianyue[pretrain]', or masking.kind: span") from fault
    at, begins = 0, set()
    for word in rjieba.cut(text):
        begins.add(at)
        at += len(word)
    return np.array([start in begins for start, _ in offsets], dtype=bool)


def epoch_tokens(
    corpus: TokenCorpus, *, seed: int, epoch: int, sep_id: int
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """The tokens and word starts of one epoch: lines in a new order, [SEP] behind each.

    A line takes part with a probability proportional to its weight, the heaviest always, so that none comes twice.
    """
    rng = np.random.default_rng((seed, epoch))
    lines = np.flatnonzero(rng.random(len(corpus.weights)) < corpus.weights / corpus.weights.max())
    rng.shuffle(lines)
    lengths = np.diff(corpus.line_starts)[lines]
    behind = np.cumsum(lengths)
    places = corpus.places(lines)
    return (np.insert(corpus.ids[places], behind, np.uint16(sep_id)),
            np.insert(corpus.word_starts[places], behind, True))


def packed(
    tokens: NDArray[np.uint16], word_starts: NDArray[np.bool_], *, place: int, rows: int, length: int, cls_id: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """``rows`` sequences of ``length`` tokens from ``place`` on, [CLS] in front of each, no padding anywhere."""
    stretch = slice(place, place + rows * (length - CLS_TOKENS))
    ids = np.full((rows, length), cls_id, dtype=np.int64)
    begins = np.ones((rows, length), dtype=bool)
    ids[:, CLS_TOKENS:] = tokens[stretch].reshape(rows, -1)
    begins[:, CLS_TOKENS:] = word_starts[stretch].reshape(rows, -1)
    return ids, begins
