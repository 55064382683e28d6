"""A day, month or year of the calendar as a value that EDTF writes and that can be moved."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass, replace

YEARS = range(1000, 3000)  # of news and its history
_PLAIN_EDTF = re.compile(r"(?:^|/)(\d{4}|XXXX)(?:-(0\d|1[0-2])(?:-(\d{2}))?)?$")


@dataclass(frozen=True)
class Day:
    """A day, month or year of the calendar; an unknown year is None."""

    year: int | None
    month: int | None = None
    day: int | None = None

    @classmethod
    def of(cls, edtf: str | None) -> Day | None:
        """The value, or the end of an interval; None for a season or a decade."""
        if edtf is None or not (match := _PLAIN_EDTF.search(edtf)):
            return None
        year, month, day = match.groups()
        return cls(None if year == "XXXX" else int(year), int(month) if month else None, int(day) if day else None)

    @classmethod
    def at(cls, ordinal: int) -> Day:
        """The day of that number; see :attr:`ordinal`."""
        date = dt.date.fromordinal(ordinal)
        return cls(date.year, date.month, date.day)

    @property
    def ordinal(self) -> int | None:
        """Number of the day in the calendar (``datetime.date.toordinal``); None where this is no full, existing day."""
        if self.year is None or self.month is None or self.day is None or not self.edtf():
            return None
        return dt.date(self.year, self.month, self.day).toordinal()

    def edtf(self) -> str | None:
        """EDTF; None for what no calendar has."""
        if self.year is not None and self.year not in YEARS:
            return None
        head = "XXXX" if self.year is None else str(self.year)
        if self.month is None:
            return None if self.year is None or self.day is not None else head
        if not 1 <= self.month <= 12:
            return None
        if self.day is None:
            return f"{head}-{self.month:02d}"
        # Without a year the 29th of February is possible.
        possible = 1 <= self.day <= calendar.monthrange(self.year or 2024, self.month)[1]
        return f"{head}-{self.month:02d}-{self.day:02d}" if possible else None

    def moved(self, days: int) -> Day | None:
        """So many days later; None where the year decides and is not known."""
        if self.year is None:
            ways = {moved and replace(moved, year=None)
                    for moved in (replace(self, year=year).moved(days) for year in (2023, 2024))}
            return ways.pop() if len(ways) == 1 else None
        return None if self.ordinal is None else Day.at(self.ordinal + days)

    def months_later(self, months: int) -> Day | None:
        """The month so many months later, whatever the day."""
        if self.month is None:
            return None
        years, month = divmod(self.month - 1 + months, 12)
        return Day(self.year + years if self.year else None, month + 1)
