"""No character and no token is lost, no window is too long, and a token is read where it sees most around it."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clean import clean_text
from data.windows import Window, best_window, pack_windows, split_sentences


def pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(("text", "sentences"), [
    ("", []),
    ("一", ["一"]),
    ("一。二!三?四;五", ["一。", "二!", "三?", "四;", "五"]),
    ("11月8日,3.5万人。", ["11月8日,3.5万人。"]),
    ("他说:“好。”然后(走了。)再见。", ["他说:“好。”", "然后(走了。)", "再见。"]),
    ('他说"好。"她说。"不"', ['他说"好。"', "她说。", '"不"']),
    ("标题\n正文。\n\n尾", ["标题\n", "正文。\n\n", "尾"]),
    ("真的?!?是。", ["真的?!?", "是。"]),
    ("\n。", ["\n", "。"]),
])
def test_sentences(text: str, sentences: list[str]) -> None:
    assert pieces(text) == sentences


@given(st.text(alphabet="一二,.。！？!?；;\n”’\"()） ", max_size=200) | st.text())
def test_sentences_cover_every_character_once(text: str) -> None:
    spans = split_sentences(text)
    assert "".join(pieces(text)) == text
    assert all(start < end for start, end in spans)
    assert [start for start, _ in spans][1:] == [end for _, end in spans][:-1]


def test_a_line_without_punctuation_is_one_sentence() -> None:
    assert split_sentences("医" * 50_000) == [(0, 50_000)]
    windows = pack_windows([50_000], max_tokens=512, overlap_tokens=128)
    assert windows[0] == Window(token_start=0, token_end=512)
    assert windows[1] == Window(token_start=384, token_end=896)
    assert windows[-1].token_end == 50_000
    index, _ = best_window(windows, 50_000)
    assert len(set(index.tolist())) == len(windows)


def test_whole_sentences_and_whole_overlaps() -> None:
    assert pack_windows([4, 4, 4, 4], max_tokens=12, overlap_tokens=5) == [
        Window(token_start=0, token_end=12), Window(token_start=8, token_end=16)]
    # The overlap gives way where the next sentence would not fit beside it.
    assert pack_windows([4, 4, 4, 10], max_tokens=12, overlap_tokens=5) == [
        Window(token_start=0, token_end=12), Window(token_start=12, token_end=22)]
    assert pack_windows([4, 4, 4], max_tokens=4, overlap_tokens=0) == [
        Window(token_start=0, token_end=4), Window(token_start=4, token_end=8), Window(token_start=8, token_end=12)]
    assert pack_windows([], max_tokens=4, overlap_tokens=0) == []
    assert pack_windows([0, 0], max_tokens=4, overlap_tokens=0) == []


def test_a_long_sentence_is_cut_with_overlap_whatever_the_overlap() -> None:
    for overlap in (1, 100, 128, 255, 300, 500):
        windows = pack_windows([30, 3000, 40], max_tokens=512, overlap_tokens=overlap)
        shared = [a.token_end - b.token_start for a, b in itertools.pairwise(windows)]
        assert all(0 < tokens <= overlap for tokens in shared)


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 40), st.data())
def test_windows_hold_every_token_and_no_more_than_they_may(lengths: list[int], longest: int, data: st.DataObject
                                                            ) -> None:
    overlap = data.draw(st.integers(0, longest - 1))
    windows = pack_windows(lengths, max_tokens=longest, overlap_tokens=overlap)
    total = sum(lengths)
    assert all(0 < w.token_end - w.token_start <= longest for w in windows)
    for one, two in itertools.pairwise(windows):
        assert one.token_start < two.token_start <= one.token_end < two.token_end
        assert one.token_end - two.token_start <= overlap
    index, position = best_window(windows, total)
    starts = np.array([w.token_start for w in windows], dtype=int)
    ends = np.array([w.token_end for w in windows], dtype=int)
    assert (starts[index] + position == np.arange(total)).all() and (position < (ends - starts)[index]).all()
    # A sentence that fits is whole in some window.
    bounds = np.cumsum([0, *lengths])
    for start, end in itertools.pairwise(bounds):
        if 0 < end - start <= longest:
            assert any(w.token_start <= start and end <= w.token_end for w in windows)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20), st.integers(2, 15), st.data())
def test_the_best_window_is_where_the_edges_are_farthest(lengths: list[int], longest: int, data: st.DataObject) -> None:
    windows = pack_windows(lengths, max_tokens=longest, overlap_tokens=data.draw(st.integers(0, longest - 1)))
    total = sum(lengths)

    def distance(window: Window, token: int) -> int:
        if not window.token_start <= token < window.token_end:
            return -1
        left = token - window.token_start if window.token_start else total
        return min(left, window.token_end - 1 - token if window.token_end < total else total)

    index, _ = best_window(windows, total)
    for token in range(total):
        distances = [distance(window, token) for window in windows]
        assert index[token] == distances.index(max(distances))


@pytest.mark.parametrize(("longest", "overlap"), [(0, 0), (4, 4), (4, -1)])
def test_impossible_sizes_are_refused(longest: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap_tokens < max_tokens"):
        pack_windows([3], max_tokens=longest, overlap_tokens=overlap)


def test_broken_input_is_refused() -> None:
    with pytest.raises(ValueError, match="expected token counts, found -1"):
        pack_windows([3, -1], max_tokens=4, overlap_tokens=0)
    with pytest.raises(ValueError, match="token 2 lies in no window"):
        best_window([Window(token_start=0, token_end=2)], 3)
    with pytest.raises(ValueError, match=r"expected windows inside 0..3, found 0..4"):
        best_window([Window(token_start=0, token_end=4)], 3)


def test_the_five_articles_are_covered() -> None:
    for path in sorted(Path("data/articles").glob("*.txt")):
        text = clean_text(path.read_text(encoding="utf-8")).text
        lengths = [end - start for start, end in split_sentences(text)]
        windows = pack_windows(lengths, max_tokens=510, overlap_tokens=128)
        index, _ = best_window(windows, len(text))
        assert len(index) == len(text)


def test_five_million_tokens() -> None:
    before = time.perf_counter()
    windows = pack_windows([25, 40, 7, 900, 1] * 5_200, max_tokens=510, overlap_tokens=128)
    many = pack_windows([1] * 5_000_000, max_tokens=510, overlap_tokens=128)
    best_window(many, 5_000_000)
    assert time.perf_counter() - before < 10
    assert windows[-1].token_end == 973 * 5_200
