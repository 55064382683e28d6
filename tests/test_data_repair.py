"""Damage of the five articles is read back; ordinary question marks are never touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clean import clean_text
from data.errors import EXIT_FAILED, run_command
from data.repair import Edit, find_edits, find_places, main

ARTICLES = sorted(Path("data/articles").glob("*.txt"))
# Places that look damaged, and how many of them are recovered; the one left alone is a lost ©.
EXPECTED = {"000": (4, 4), "001": (10, 10), "002": (0, 0), "003": (0, 0), "004": (4, 3)}


def apply(text: str) -> str:
    for edit in reversed(find_edits(text)):
        text = text[:edit.raw_start] + edit.replacement + text[edit.raw_end:]
    return text


def damage(text: str) -> str:
    """What the program did: marks replaced in the bytes, the rest read on from there."""
    shown, data, i = "", text.encode("gb18030"), 0
    while i < len(data):
        pair = data[i:i + 2]
        if data[i] < 0x80:
            shown, i = shown + chr(data[i]), i + 1
        elif len(pair) == 2 and data[i + 1:i + 3] in (b"\xa3\xbf", b"\xa3\xbb"):
            shown, i = shown + "?" + {0xBF: "?", 0xBB: ";"}[data[i + 2]], i + 3
        elif len(pair) == 2 and pair[1] >= 0x40:
            char = pair.decode("gb18030")
            shown, i = shown + ("" if "\ue000" <= char <= "\uf8ff" else char), i + 2
        else:
            shown, i = shown + "?", i + 2
    return shown


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.name[:3])
def test_count_of_places_in_the_five_articles(path: Path) -> None:
    places = find_places(path.read_text(encoding="utf-8"))
    assert (len(places), sum(place.edit is not None for place in places)) == EXPECTED[path.name[:3]]


@pytest.mark.parametrize(("number", "whole"), [
    ("000", "山東中醫(yī)藥高等專科學校教學醫(yī)院"),
    ("000", "國家臨床重點專科（中醫(yī)專業(yè)"),
    ("000", "十二·五重點專科建設單位眼科"),
    ("000", "省重點專科肝病科、心血管科、腦病科、腫瘤科"),
    ("001", "簽約揭牌儀式。活動(dòng)由我院"),
    ("001", "醫(yī)聯(lián)體和專科聯(lián)盟建設(shè)"),
    ("001", "“新生兒專科聯(lián)盟”“兒外科專科聯(lián)盟”“乳腺外科專科聯(lián)盟”"),
    ("004", "建立專科醫(yī)療技術(shù)幫扶"),
    ("004", "強化特色專科，提升解決疑難重癥能力"),
    ("004", "建立遠程專科技術(shù)協(xié)作網(wǎng)絡"),
    ("004", "Copyright ? 2001-2025"),
])
def test_reading_of_the_five_articles(number: str, whole: str) -> None:
    path = next(p for p in ARTICLES if p.name.startswith(number))
    assert whole in apply(path.read_text(encoding="utf-8"))


def test_characters_map_to_the_raw_characters_that_show_them() -> None:
    assert find_edits("??坡?lián)盟") == [
        Edit(raw_start=0, raw_end=4, replacement="專科聯(", spans=((0, 2), (2, 3), (3, 4), (3, 4)))]
    # Of 疲〈AC CC〉嵘〈FD BD〉鉀Q two pairs are gone: ， shares a place with 科, 升 with 提.
    (edit,) = find_edits("特色??疲嵘鉀Q疑難")
    assert edit.replacement == "專科，提升解決"
    assert edit.spans == ((2, 4), (4, 5), (4, 5), (5, 6), (5, 6), (6, 7), (7, 8))


@pytest.mark.parametrize("text", ["重點專科醫院", "專科聯(lián)盟", "專科建設單位", "專科技術", "專科學校",
                                  "。活動(dòng)由", "專科（中醫(yī)", "專科合作與"])
def test_the_damage_is_undone(text: str) -> None:
    broken = damage(f"我院{text}")
    assert "??" in broken or "?;" in broken
    assert apply(broken) == f"我院{text}"


def test_full_width_marks_and_a_replacement_character_are_read_too() -> None:
    assert apply("\ufffd？坡？lián）盟") == "專科聯(lián）盟"


def test_a_lost_byte_with_two_possible_characters_stays() -> None:
    # 聯 is C293 and 聲 C295: with the same gloss elsewhere, C2 could be either.
    assert apply("聲(lián)??坡?lián)盟") == "聲(lián)??坡?lián)盟"
    assert apply("??坡?xyz)盟") == "??坡?xyz)盟"


@pytest.mark.parametrize("text", [
    "", "?", "??", "???", "? ?", "真的吗??其实我不信?", "你好??坡上有人吗?", "什么??疲惫QAQ", "去哪??平时OK吗",
    "啊?;不是", "why??坪 x", "是否签约??专科联盟何时成立??", "??坡", "??坡?", "??坡?盟", "??啤酒A",
    "签了吗?签了!真的?真的??真的???",
    "Copyright ? 2001-2025", "http://a.cn/?a=1?;b=2", "？？？？坡？lián）盟", "??聘尾】", "??科", "專科?聯盟?",
])
def test_ordinary_question_marks_stay(text: str) -> None:
    assert find_edits(text) == []


COMMON = ("的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"
          "七其期起企气平评破片票品聘普坡坪疲")


@given(st.text(alphabet=COMMON + "??？;；,。!A a1\n", max_size=200))
def test_chat_with_many_question_marks_stays(text: str) -> None:
    assert find_edits(text) == []


@pytest.mark.parametrize("marks", ["??", "?;"])
def test_marks_before_any_character_of_real_text_stay(marks: str) -> None:
    text = "".join(clean_text(path.read_text(encoding="utf-8")).text for path in ARTICLES)
    asked = "".join(f"{text[at:at + 9]}。{marks}{text[at + 9:at + 30]}?\n" for at in range(len(text)))
    assert find_edits(asked) == []


@given(st.text(alphabet="??;坡疲茖聘平啤鉀QOtW(lián)聯嵘【\ue001\ud800é1 ", max_size=60))
def test_edits_are_in_order_and_their_spans_are_sound(text: str) -> None:
    before = 0
    for edit in find_edits(text):
        assert before <= edit.raw_start < edit.raw_end <= len(text)
        before = edit.raw_end
        assert len(edit.spans) == len(edit.replacement)
        assert all(edit.raw_start <= start < end <= edit.raw_end for start, end in edit.spans)
        assert list(edit.spans) == sorted(edit.spans)
        assert [end for _, end in edit.spans] == sorted(end for _, end in edit.spans)


def test_command_prints_found_recovered_and_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path) for path in ARTICLES]) == 0
    printed = capsys.readouterr().out
    assert "004_13db3f83b7a6b0cc.txt: 4 found, 3 recovered" in printed
    assert "??漆t(yī)療技 -> " in printed and "left alone: right ? 2001-" in printed


def test_command_says_what_is_wrong_with_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gbk.txt").write_bytes("醫院".encode("gbk"))
    assert run_command(main, [str(tmp_path / "gbk.txt")]) == EXIT_FAILED
    assert "expected UTF-8, found byte 0xe1 at 0" in capsys.readouterr().err
    assert run_command(main, [str(tmp_path / "none.txt")]) == EXIT_FAILED
