"""What is hidden, how much of it, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from training.masking import mask

VOCABULARY, MASK_ID, SPECIAL = 1000, 4, 5


def sequences(rows: int = 64, length: int = 128) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ids = rng.integers(SPECIAL, VOCABULARY, (rows, length))
    ids[:, 0], ids[:, length // 2] = 2, 3
    return ids, rng.random((rows, length)) < 0.6


def masked(kind: str, rate: float = 0.35):  # type: ignore[no-untyped-def]
    ids, words = sequences()
    made = mask(ids, words, np.random.default_rng(1), kind=kind, rate=rate, mask_id=MASK_ID, special_below=SPECIAL,
                vocab_size=VOCABULARY)
    return ids, words, made


@pytest.mark.parametrize("kind", ["token", "span", "word"])
@pytest.mark.parametrize("rate", [0.15, 0.35])
def test_the_rate_the_targets_and_the_rest(kind: str, rate: float) -> None:
    ids, _, made = masked(kind, rate)
    assert len(made.positions) / ids.size == pytest.approx(rate, abs=0.03)
    assert (made.targets == ids.reshape(-1)[made.positions]).all() and (made.targets >= SPECIAL).all()
    untouched = np.setdiff1d(np.arange(ids.size), made.positions)
    assert (made.input_ids.reshape(-1)[untouched] == ids.reshape(-1)[untouched]).all()
    shown = made.input_ids.reshape(-1)[made.positions]
    assert (shown == MASK_ID).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown == made.targets).mean() == pytest.approx(0.1, abs=0.03)


def test_spans_are_longer_than_tokens_and_words_are_whole() -> None:
    def mean_run(positions: np.ndarray) -> float:
        return len(positions) / (1 + int((np.diff(positions) > 1).sum()))

    assert mean_run(masked("span")[2].positions) > 1.5 * mean_run(masked("token")[2].positions)
    ids, words, made = masked("word")
    hidden = np.zeros(ids.size, bool)
    hidden[made.positions] = True
    hidden = hidden.reshape(ids.shape)
    inside = ~words[:, 1:] & (ids[:, 1:] >= SPECIAL) & (ids[:, :-1] >= SPECIAL)
    assert (hidden[:, 1:][inside] == hidden[:, :-1][inside]).all()


def test_a_kind_that_there_is_not_is_refused_and_something_is_always_hidden() -> None:
    with pytest.raises(ValueError, match="expected token, span or word"):
        masked("letter")
    ids, words = sequences(1, 8)
    made = mask(ids, words, np.random.default_rng(0), kind="token", rate=1e-9, mask_id=MASK_ID, special_below=SPECIAL,
                vocab_size=VOCABULARY)
    assert len(made.positions) == 1 and made.positions[0] != 0
