"""Each encoding of Chinese news is read; what is no text says so."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.decode import decode_text
from data.errors import DataError

SIMPLIFIED = "10月2日，北京协和医院与沧州市中心医院签署指导共建协议。"
TRADITIONAL = "10月2日，北京協和醫院與滄州市中心醫院簽署指導共建協議。"


@pytest.mark.parametrize(("text", "encoding"), [
    (SIMPLIFIED, "utf-8"), (SIMPLIFIED, "utf-8-sig"), (SIMPLIFIED, "utf-16"), (SIMPLIFIED, "utf-32"),
    (SIMPLIFIED, "gbk"), (SIMPLIFIED + "𠮷", "gb18030"),
    (TRADITIONAL, "big5"), (TRADITIONAL, "gbk"), (TRADITIONAL, "cp950"),
    ("医院", "gbk"), ("簽約", "gbk"), ("联通", "gbk"), ("привет", "utf-8"), ("café ·", "utf-8"),
    ("plain ASCII", "ascii"),
])
def test_encodings(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding), place="x") == text


def test_big_endian_with_a_mark() -> None:
    assert decode_text(codecs.BOM_UTF16_BE + SIMPLIFIED.encode("utf-16-be"), place="x") == SIMPLIFIED


@pytest.mark.parametrize(("number", "encoding"), [
    ("000", "gb18030"), ("001", "gb18030"), ("002", "gb18030"), ("003", "gb18030"), ("004", "gb18030"),
    ("000", "big5hkscs"), ("002", "big5hkscs"), ("004", "big5hkscs"),
])
def test_the_five_articles_in_other_encodings(number: str, encoding: str) -> None:
    (path,) = Path("data/articles").glob(f"{number}_*.txt")
    data = path.read_text(encoding="utf-8").encode(encoding, "ignore")
    assert decode_text(data, place="x") == data.decode(encoding)


@pytest.mark.parametrize("head", ['<meta charset="big5">', "<META HTTP-EQUIV=x content='text/html; charset=Big5'>",
                                  '<?xml version="1.0" encoding="big5"?>'])
def test_a_declared_charset_counts_in_markup_only(head: str) -> None:
    data = head.encode() + "乙".encode("big5") * 2
    assert decode_text(data, place="x", markup=True).endswith("乙乙")
    assert not decode_text(data, place="x").endswith("乙乙")


@pytest.mark.parametrize("charset", ["iso-8859-1", "nonsense", "utf-8"])
def test_a_wrong_declaration_is_not_believed(charset: str) -> None:
    data = f"<meta charset={charset}>{SIMPLIFIED}".encode("gb2312")
    assert decode_text(data, place="x", markup=True).endswith(SIMPLIFIED)


def test_line_ends_become_newlines() -> None:
    assert decode_text("一\r\n二\r三\n\u2028".encode(), place="x") == "一\n二\n三\n\u2028"


@pytest.mark.parametrize(("data", "problem"), [
    (b"", "found an empty file"),
    (b" \r\n", "nothing but white space"),
    (codecs.BOM_UTF8, "nothing but white space"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data beginning b'\\x89PNG"),
    (bytes(range(1, 32)) * 9, "binary data"),
    ("医院签约".encode() + b"\xe5\x8c", "found byte 0xe5 at 12"),
    (b"\xff\xfe\x00", "expected UTF-16 as its byte order mark says"),
    (b"caf\xe9 \xff\xff \xfe", "expected UTF-8, GB18030 or Big5, found byte 0xe9 at 3"),
])
def test_what_is_no_text_says_so(data: bytes, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        decode_text(data, place="folder/a.txt")
    assert caught.value.place == "folder/a.txt" and problem in caught.value.problem


@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_a_clear_fault(data: bytes) -> None:
    try:
        text = decode_text(data, place="x")
    except DataError:
        return
    assert text.strip() and "\r" not in text


@given(st.text(alphabet="医院签约与市中心的一了，。0aA", min_size=4, max_size=60).filter(str.strip))
def test_common_simplified_text_survives_gbk(text: str) -> None:
    assert decode_text(text.encode("gbk"), place="x") == text
