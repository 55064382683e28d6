"""Lone surrogates: half characters that a Python string can hold, and that no UTF-8 file can.

They come from damaged JSON escapes, from file names in another encoding, and from callers. JSON's own escapes could
carry them, but two halves that happen to stand side by side come back as one character, and every offset behind them is
wrong. So whatever is written has U+FFFD in their place, one for one: offsets in the file are those of the text beside them.
"""

from __future__ import annotations

import json
import re
from typing import Any

REPLACEMENT = "\ufffd"
_LONE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """``text`` with each lone surrogate replaced; its length and all offsets stay."""
    return _LONE.sub(REPLACEMENT, text)


def count_surrogates(text: str) -> int:
    """How many lone surrogates ``text`` holds."""
    return len(_LONE.findall(text))


def json_line(record: Any) -> str:
    """A value as one line of JSON that has UTF-8 (no trailing newline)."""
    # Unescaped, half characters stand in the line as they do in the strings: nothing is joined before they are replaced.
    return without_surrogates(json.dumps(record, ensure_ascii=False))
