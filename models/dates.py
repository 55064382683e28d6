"""DATE mentions of an article to EDTF level 1 (https://www.loc.gov/standards/datetime/).

As precise as text and page allow, and as the gold writes it: the beginning, middle or end of a month or year (9月下旬,
月底, 年初) is that month or year; a half-year or quarter is an interval of months (``2024-01/2024-06``), a week an
interval of days; a season is level 1's code, 21 to 24 from spring to winter (去年冬天 told in 2024: ``2023-24``); a
decade is ``198X``. A year that cannot be known is ``XXXX``. Vague words (近日), holidays of the lunar calendar, days
that no calendar has and other eras are None.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from models.date_forms import normal_form
from models.date_readers import Anchors, read_mention
from models.date_values import Day

SENTENCE_CHARS = 2000  # what is longer is a table or a list; searching it for each of its dates would take too long
_BYLINE = " ?(?:讯|电(?![话视子脑梯力影台商]))"
_RANGE = r"\s*起?\s*(?:至|到|[-—–~]+)\s*"
_ANY_BYLINE, _ANY_RANGE = re.compile(_BYLINE), re.compile(_RANGE)


def resolve_all(
    mentions: Sequence[str], *, published: str | None = None, sentences: Sequence[str] = ()
) -> list[str | None]:
    """EDTF of the DATE mentions of one article, each read against the page and the mentions before it.

    今天 is the date of the by-line (``10月12日讯``), else the day of publication, else the article's own first full date;
    当日 and 次日 lean on the date mentioned before.

    Args:
        mentions: clean text of each mention, in text order.
        published: ISO date of publication.
        sentences: the clean sentence of each mention; without them by-lines and ranges of two mentions are not seen.

    Returns:
        One value for each mention, None where it is no date we can read.

    Raises:
        ValueError: there are sentences, but not one for each mention.
    """
    places = [s if len(s) <= SENTENCE_CHARS else "" for s in sentences] or [""] * len(mentions)
    page = _iso_date(published)
    full = ((i, day) for i, m in enumerate(mentions) if (day := Day.of(read_mention(m, Anchors()))) and day.ordinal)
    first_at, first_full = next(full, (0, None))
    today = _byline(mentions, places, Anchors(today=page or first_full, guessed=page is None)) or page
    resolved: list[str | None] = []
    last: Day | None = None
    for i, mention in enumerate(mentions):
        beside = bool(i and places[i]) and places[i] == places[i - 1] and _has_digits(mentions[i - 1])
        resolved.append(read_mention(mention, Anchors(
            today=today or first_full, guessed=today is None and first_at > i, last=last, beside=beside,
            joined=beside and _joined(mentions[i - 1], mention, places[i]))))
        last = Day.of(resolved[-1]) or last
    return resolved


def resolve(mention: str, *, published: str | None = None) -> str | None:
    """EDTF of a DATE mention that stands alone; see :func:`resolve_all`."""
    return resolve_all([mention], published=published)[0]


def _iso_date(published: str | None) -> Day | None:
    try:
        date = dt.date.fromisoformat((published or "")[:10])
    except ValueError:
        return None  # a publication date that is no full date cannot anchor anything
    return Day(date.year, date.month, date.day)


def _byline(mentions: Sequence[str], sentences: Sequence[str], anchors: Anchors) -> Day | None:
    """The day on which the report was written: ``10月12日讯``, ``10月12日电``."""
    for mention, sentence in zip(mentions, sentences, strict=True):
        # Compiling an expression for each mention costs more than the look-up: most sentences have no by-line.
        if _ANY_BYLINE.search(sentence) and re.search(rf"(?<![\d年月]){re.escape(mention)}{_BYLINE}", sentence):
            day = Day.of(read_mention(mention, anchors))
            if day and day.day:
                return day
    return None


def _has_digits(mention: str) -> bool:
    return any(c.isdigit() for c in normal_form(mention))


def _joined(before: str, mention: str, sentence: str) -> bool:
    if not _ANY_RANGE.search(sentence):
        return False
    return re.search(re.escape(before) + _RANGE + re.escape(mention), sentence) is not None
