"""Bytes -> text: the encodings Chinese news comes in, decided by rules that can be told.

In this order: a byte order mark; the charset an HTML or XML head declares, where the bytes are valid in it; strict
UTF-8; strict GB18030 or Big5. Many Big5 files are valid GB18030 too, but read as such they are made of rare
characters: the reading with the larger share of frequent characters wins, and GB18030 wins unless Big5 is better by
a clear margin. A few GBK words are valid UTF-8 by accident; they are recognised by the same share.
"""

from __future__ import annotations

import codecs
import re

from data.errors import DataError

_MARKS = (
    # UTF-32 first: its little-endian mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD_BYTES = 4096
_DECLARED = re.compile(rb"<meta[^>]{1,400}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})"
                       rb"|<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE)
_GB = ("gb18030",)
_BIG5 = ("big5hkscs", "cp950")
# Any bytes at all are valid in the Latin charsets, and servers declare them by default: they are not believed.
_TRUSTED = {"utf-8": ("utf-8",), "gb2312": _GB, "gbk": _GB, "gb18030": _GB, "hz": ("hz",), "big5": _BIG5,
            "big5hkscs": _BIG5, "cp950": _BIG5}
_FREQUENT = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民"
    "得经三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那"
    "社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已"
    "院医市县区省协议签约战略合作卫健长任书记副党委员联盟科疗服务群众健康"
    "這為個國來時們對會發動過說產種後學經進著電現實兩體當從業應開還無點關間樣與義線內數質氣條結問變簽約協議戰略醫縣區衛長書記"
    "黨員聯療務眾，。、：；（）“”！？"
)
_BIG5_MARGIN = 0.1
_MIN_SHORT_SHARE = 0.5
# Control characters other than white space, form feed and escape.
_CONTROL = bytes(b for b in (*range(0x20), 0x7F) if b not in b"\t\n\v\f\r\x1a\x1b")
_MAX_CONTROL_SHARE = 0.05
# Below this share of broken among its multi-byte characters a file is UTF-8 with a scratch, not another encoding.
_MAX_BROKEN_SHARE = 0.02


def decode_text(data: bytes, *, place: str, markup: bool = False) -> str:
    """The text of a file, with all line ends as ``\\n``; ``markup`` allows a declared charset.

    Raises:
        DataError: there is no text in it: empty, binary, or in no encoding known here.
    """
    text = _decode(data, place, markup).replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        found = "nothing but white space" if data else "an empty file"
        raise DataError(f"expected text, found {found}", place=place)
    return text


def _decode(data: bytes, place: str, markup: bool) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data, name, place)
    control = len(data) - len(data.translate(None, _CONTROL))
    if b"\0" in data or control > _MAX_CONTROL_SHARE * len(data):
        raise DataError(f"expected text, found binary data beginning {data[:8]!r}", place=place,
                        repair="convert it to .txt or .html first")
    if markup and (declared := _declared(data)) and (text := _first_strict(data, declared)) is not None:
        return text
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        if _is_scratched_utf8(data):
            raise _undecodable(fault, place, "iconv -c -f UTF-8 -t UTF-8 IN > OUT") from fault
        simplified, traditional = _first_strict(data, _GB), _first_strict(data, _BIG5)
        if simplified is None and traditional is None:
            raise _undecodable(fault, place, "iconv -f ENCODING -t UTF-8 IN > OUT") from fault
    else:
        return _short_gb(data, text) or text
    if simplified is None or traditional is None:
        return simplified or traditional or ""
    better = _frequent_share(traditional) > _frequent_share(simplified) + _BIG5_MARGIN
    return traditional if better else simplified


def _short_gb(data: bytes, text: str) -> str | None:
    """A GB reading of bytes that are UTF-8 by accident: 医院 in GBK is also ҽԺ, none of it frequent in Chinese."""
    if text.isascii() or _frequent_share(text) > 0:
        return None
    simplified = _first_strict(data, _GB)
    return simplified if simplified and _frequent_share(simplified) >= _MIN_SHORT_SHARE else None


def _strict(data: bytes, name: str, place: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as fault:
        raise DataError(f"expected {name.upper()} as its byte order mark says, found byte {data[fault.start]:#04x} at "
                        f"{fault.start}", place=place, repair="save it as UTF-8") from fault


def _undecodable(fault: UnicodeDecodeError, place: str, repair: str) -> DataError:
    return DataError(f"expected UTF-8, GB18030 or Big5, found byte {fault.object[fault.start]:#04x} at {fault.start}",
                     place=place, repair=repair)


def _declared(data: bytes) -> tuple[str, ...] | None:
    match = _DECLARED.search(data[:_HEAD_BYTES])
    if match is None:
        return None
    try:
        return _TRUSTED.get(codecs.lookup((match[1] or match[2]).decode("ascii", "replace")).name)
    except LookupError:
        return None


def _first_strict(data: bytes, names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    return None


def _is_scratched_utf8(data: bytes) -> bool:
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    # Three bytes or more: pairs of GBK bytes are a two-byte UTF-8 character now and then.
    whole = sum(char >= "\u0800" for char in text) - broken
    return 0 < broken <= max(1, _MAX_BROKEN_SHARE * whole) and whole > broken


def _frequent_share(text: str) -> float:
    """Frequent characters among all that are not ASCII."""
    wide = [char for char in text if char > "\x7f"]
    return sum(char in _FREQUENT for char in wide) / max(1, len(wide))
