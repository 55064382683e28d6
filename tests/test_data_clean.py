"""The map from clean text to raw text is exact, and noisy and plain renderings of a text become the same."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import clean
from data.clean import STAGES_COUNTED, CleanText, clean_text, surface

ARTICLES = sorted(Path("data/articles").glob("*.txt"))
PIECES = ["醫", "院", "乾", "隆", "薴", "专", "(yī)", "（yī）", "(men)", "(a)", "(", ")", "y", "ī", "?", "??坡?lián)盟",
          "??疲", "嵘鉀Q", "!", "![](x)", "![a](b)", "![", "](", "[a]", "，", "！", "［", "］", "「", "』", "\u200b",
          "\ufeff", "\u00ad", "\x00", "\ud800", "\ufe0f", "\u00a0", "\t", "\u3000", "\r\n", "\r", "\n", "\u2028",
          "\x85", " ", "A", "1", "。", "⼀", "𠮷", "👍"]
NOISY = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join)


def check_map(cleaned: CleanText) -> None:
    """Every promise of the class, on every character and on some spans."""
    start, end = cleaned.raw_start, cleaned.raw_end
    assert len(start) == len(end) == len(cleaned.text)
    if not cleaned.text:
        return
    assert (start < end).all() and start[0] >= 0 and end[-1] <= len(cleaned.raw)
    assert (np.diff(start) >= 0).all() and (np.diff(end) >= 0).all()
    chooser = random.Random(0)
    for _ in range(20):
        a, b = sorted(chooser.sample(range(len(cleaned.text) + 1), 2))
        raw_start, raw_end = cleaned.to_raw(a, b)
        back = cleaned.to_clean(raw_start, raw_end)
        assert back is not None and back[0] <= a < b <= back[1]
        apart = (a == 0 or end[a - 1] <= start[a]) and (b == len(start) or end[b - 1] <= start[b])
        assert not apart or back == (a, b)


@given(NOISY)
@settings(max_examples=300)
def test_map_is_sound_and_cleaning_twice_is_cleaning_once(raw: str) -> None:
    cleaned = clean_text(raw)
    check_map(cleaned)
    again = clean_text(cleaned.text)
    assert again.text == cleaned.text
    assert sum(again.stats.values()) == 0
    assert not set(cleaned.text) & set("\r\t\u200b\ufeff\u3000，「\x00\ud800")


@given(st.text())
def test_any_text_at_all(raw: str) -> None:
    cleaned = clean_text(raw)
    check_map(cleaned)
    assert clean_text(cleaned.text).text == cleaned.text


@given(NOISY, NOISY, NOISY)
def test_to_clean_gives_every_touching_character(left: str, middle: str, right: str) -> None:
    cleaned = clean_text(left + middle + right)
    if not middle:
        return
    raw_start, raw_end = len(left), len(left + middle)
    touching = [i for i in range(len(cleaned.text))
                if cleaned.raw_start[i] < raw_end and cleaned.raw_end[i] > raw_start]
    assert cleaned.to_clean(raw_start, raw_end) == ((touching[0], touching[-1] + 1) if touching else None)


@pytest.mark.parametrize(("raw", "text"), [
    ("", ""),
    (" \n\u3000", ""),
    ("醫(yī)院", "医院"),
    ("醫（yī）院（yuàn）", "医院"),
    ("我們(men)的(de)孩子(zi)", "我们的孩子"),
    ("醫(yi\u0304)院", "医院"),
    ("女(nǚ)綠(lü\u0300)", "女绿"),
    ("醫(\u200byī)(yī)院", "医院"),
    ("选项(a)人工智能(ai)他(he)甲(xyz)(管)", "选项(a)人工智能(ai)他(he)甲(xyz)(管)"),
    ("word(yī) (yī)。(yī)", "word(yī) (yī)。(yī)"),
    ("醫(yīí)院(yīyuàn)", "医(yīí)院(yīyuàn)"),
    ("乾隆 乾淨", "乾隆 干净"),
    ("乾\u200b隆", "乾隆"),
    ("薴", "苎"),
    ("共１２家，（北京）！", "共12家,(北京)!"),
    ("「一『二』」", "“一‘二’”"),
    ("a\u200b\u202e\x00\u00ad\ud800\ufeff\ufe0fb", "ab"),
    ("a\u00a0\t\u3000b", "a b"),
    ("a \r\n \u2028\r\x85b", "a\nb"),
    ("前\n![图](http://a.cn/b_(1).png)\n![]()\n后", "前\n后"),
    ("!![](a)[](b)！［］（c）", ""),
    ("真好![不是图] (x)!", "真好![不是图] (x)!"),
    ("⼀家⾦", "一家金"),
    ("乳腺外科??坡?lián)盟", "乳腺外科专科联盟"),
    ("特色??疲嵘鉀Q疑難", "特色专科,提升解决疑难"),
    ("真的??其实不是?", "真的??其实不是?"),
])
def test_stages(raw: str, text: str) -> None:
    assert clean_text(raw).text == text
    check_map(clean_text(raw))


def raw_of(raw: str, part: str) -> str:
    """The raw characters that a part of the clean text stands for."""
    cleaned = clean_text(raw)
    at = cleaned.text.index(part)
    start, end = cleaned.to_raw(at, at + len(part))
    return raw[start:end]


def test_a_raw_span_keeps_inner_glosses_and_never_ends_with_one() -> None:
    assert raw_of("山東大學(xué)第二醫(yī)院(yuàn)與", "山东大学第二医院") == "山東大學(xué)第二醫(yī)院"
    assert raw_of("在德州醫(yī)\u200b院", "医院") == "醫(yī)\u200b院"
    assert raw_of("乳腺外科??坡?lián)盟揭牌", "专科联盟") == "??坡?lián)盟"
    assert raw_of("乳腺外科??坡?lián)盟揭牌", "乳腺外科") == "乳腺外科"
    assert raw_of("儀式?;顒?dòng)由", "活动") == "顒?"


def test_to_clean_of_dropped_and_of_kept() -> None:
    cleaned = clean_text("醫(yī)院\n![](x)\n好")
    assert cleaned.text == "医院\n好"
    assert cleaned.to_clean(1, 5) is None
    assert cleaned.to_clean(7, 13) is None
    assert cleaned.to_clean(0, 6) == (0, 2)
    assert cleaned.to_clean(3, 15) == (1, 4)


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (1, 1), (2, 1), (0, 3)])
def test_spans_outside_the_text_are_refused(start: int, end: int) -> None:
    cleaned = clean_text("医院")
    with pytest.raises(ValueError, match=f"expected a span inside 0..2, found {start}..{end}"):
        cleaned.to_raw(start, end)
    with pytest.raises(ValueError, match="expected a span inside"):
        cleaned.to_clean(start, end)


def test_stats_count_by_stage() -> None:
    stats = clean_text("醫(yī)院??坡?lián)盟，\u200b ![](x) 好").stats
    assert dict(stats) == {"damage repaired": 1, "invisible dropped": 1, "forms folded": 1, "glosses dropped": 2,
                           "images dropped": 1, "characters simplified": 3, "white space dropped": 1}
    assert tuple(clean_text("").stats) == STAGES_COUNTED


def test_surface_is_the_clean_form_of_a_short_string() -> None:
    assert surface(" 山東大學(xué)第二醫(yī)院\n") == "山东大学第二医院"


GLOSSES = {"醫": "yī", "學": "xué", "聯": "lián", "務": "wù", "們": "men", "動": "dòng"}


@pytest.mark.parametrize("seed", range(4))
def test_noisy_traditional_and_plain_simplified_become_the_same(seed: int) -> None:
    plain = ("2024年11月8日，北京协和医院与德州市妇幼保健院签署战略合作协议。山东大学第二医院院长张三"
             "（主任医师）出席活动，并为“专科联盟”揭牌；医务部主任李四主持！我们一同见证？\n通讯员：王五　乾隆年间建院")
    chooser = random.Random(seed)
    noisy = []
    for char in opencc.OpenCC("s2t").convert(plain):
        noisy.append(chr(ord(char) - 0xFEE0) if "！" <= char <= "～" and chooser.random() < 0.5 else char)
        if char in GLOSSES and chooser.random() < 0.7:
            noisy.append(chooser.choice(["({})", "（{}）"]).format(GLOSSES[char]))
        if chooser.random() < 0.2:
            noisy.append(chooser.choice(["\u200b", "\ufeff", "\u200d", "\u00ad", "\x07", "\u202c", "\ufe0e"]))
    raw = "\ufeff " + "".join(noisy).replace("\n", "\r\n\u3000![图](a.png)\r\n")
    cleaned = clean_text(raw)
    assert cleaned.text == clean_text(plain).text
    check_map(cleaned)


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.name[:3])
def test_the_five_articles(path: Path) -> None:
    cleaned = clean_text(path.read_text(encoding="utf-8"))
    check_map(cleaned)
    assert clean_text(cleaned.text).text == cleaned.text
    assert "(yī)" not in cleaned.text and "??" not in cleaned.text and "![" not in cleaned.text


def test_a_conversion_that_changes_length_keeps_its_map(monkeypatch: pytest.MonkeyPatch) -> None:
    class Longer:
        def convert(self, text: str) -> str:
            for one, other in (("計算機", "计算机"), ("軟體", "软件程序"), ("滑鼠器", "鼠"), ("甲乙", "甲"),
                               ("甲", "甲乙")):
                text = text.replace(one, other)
            return text

    monkeypatch.setattr(clean, "_converter", Longer)
    for raw, text, part, back in [("用軟體好，計算機", "用软件程序好,计算机", "软件程序", "軟體"),
                                  ("用滑鼠器。", "用鼠。", "鼠", "滑鼠器"), ("計算機，甲", "计算机,甲乙", "乙", "甲")]:
        assert clean_text(raw).text == text
        assert raw_of(raw, part) == back
        check_map(clean_text(raw))


@pytest.mark.parametrize("raw", [
    "!" * 400_000, "![" * 200_000, "!" * 100_000 + "[](x)" * 100_000, "医" + "(yi)" * 100_000, "?" * 400_000,
    " \n" * 200_000, "医(" * 200_000, "??坡坡坡坡坡x" * 2_000,
], ids=lambda text: text[:6])
def test_hostile_text_takes_linear_time(raw: str) -> None:
    before = time.perf_counter()
    check_map(clean_text(raw))
    assert time.perf_counter() - before < 5


def test_five_megabytes_on_one_line() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in ARTICLES)
    line = (text * 250).replace("\n", " ").encode()[:5_000_000].decode("utf-8", "ignore")
    before = time.perf_counter()
    cleaned = clean_text(line)
    assert time.perf_counter() - before < 15
    assert Counter(cleaned.stats)["glosses dropped"] > 100_000
    check_map(cleaned)
