"""Which days an EDTF date may mean (level 1, https://www.loc.gov/standards/datetime/): two reports of one day must agree."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

_PART = re.compile(r"(\d{4}|\d{3}X|\d{2}XX|XXXX)(?:-(\d{2}|XX))?(?:-(\d{2}|XX))?[?~%]?")
_ANY_LEAP_YEAR = 2000  # stands for a year that is not known
_SEASONS = {21: (3, 5), 22: (6, 8), 23: (9, 11), 24: (12, 14)}


@dataclass(frozen=True, kw_only=True, order=True)
class Days:
    """The days from ``first`` to ``last``, both included; without ``has_year`` those of any year."""

    has_year: bool
    first: dt.date
    last: dt.date

    @property
    def count(self) -> int:
        """How many days they are (in one year, where the year is not known)."""
        return (self.last - self.first).days + 1

    def meets(self, other: Days) -> bool:
        """Whether some day lies in both."""
        return any(a.first <= b.last and b.first <= a.last for a, b in _aligned(self, other))

    def holds(self, other: Days) -> bool:
        """Whether every day of ``other`` lies in this; no year is held by nothing that names one."""
        if self.has_year and not other.has_year:
            return False
        return any(a.first <= b.first and b.last <= a.last for a, b in _aligned(self, other))


def _aligned(a: Days, b: Days) -> list[tuple[Days, Days]]:
    """The pair with the side that lacks a year put into every year where the other might meet it."""
    if a.has_year and b.has_year:
        return [(a, b)]
    if b.has_year:
        return [(placed, b) for year in range(b.first.year - 1, b.last.year + 1) if (placed := _in_year(a, year))]
    if a.has_year:
        return [(a, placed) for year in range(a.first.year - 1, a.last.year + 1) if (placed := _in_year(b, year))]
    return [(a, placed) for n in (-1, 0, 1) if (placed := _in_year(b, _ANY_LEAP_YEAR + n))] + [(a, b)]


def _in_year(days: Days, year: int) -> Days | None:
    """None where that year has no such day: 29 February, and the years before the calendar begins."""
    if year < 1 or (days.count == 1 and _moved(days.first, year).day != days.first.day):
        return None
    return Days(has_year=True, first=_moved(days.first, year),
                last=_moved(days.last, year + days.last.year - days.first.year))


def _moved(day: dt.date, year: int) -> dt.date:
    return day.replace(year=year, day=min(day.day, calendar.monthrange(year, day.month)[1]))


def days_of(date: str) -> Days | None:
    """The days of ``2024-11-08``, ``2024-11``, ``202X``, ``XXXX-11-08``, a season or an interval; None where it is no date."""
    start, slash, end = date.partition("/")
    first = _part(start)
    last = _part(end) if slash else first
    if first is None or last is None or first.has_year != last.has_year:
        return None
    until = last.last
    if not first.has_year and until < first.first:
        until = _moved(until, until.year + 1)  # 12-30/01-02 ends in the next year
    return Days(has_year=first.has_year, first=first.first, last=until) if first.first <= until else None


def _part(text: str) -> Days | None:
    match = _PART.fullmatch(text)
    if match is None:
        return None
    year, month, day = match.groups()
    has_year = year != "XXXX"
    if "X" in year and has_year and not month:
        low, high = int(year.replace("X", "0")), int(year.replace("X", "9"))
        return Days(has_year=True, first=dt.date(max(low, 1), 1, 1), last=dt.date(high, 12, 31))
    has_year = has_year and "X" not in year
    number = int(year) if has_year else _ANY_LEAP_YEAR
    if not month or month == "XX":
        if not has_year or number < 1:
            return None
        return Days(has_year=True, first=dt.date(number, 1, 1), last=dt.date(number, 12, 31))
    from_month, to_month = _SEASONS.get(int(month), (int(month), int(month)))
    to_year, to_month = (number + 1, to_month - 12) if to_month > 12 and int(month) in _SEASONS else (number, to_month)
    if not (1 <= from_month <= 12 and 1 <= to_month <= 12 and number >= 1 and to_year <= dt.MAXYEAR):
        return None
    last_day = calendar.monthrange(to_year, to_month)[1]
    if not day or day == "XX":
        return Days(has_year=has_year, first=dt.date(number, from_month, 1), last=dt.date(to_year, to_month, last_day))
    if from_month != to_month or not 1 <= int(day) <= last_day:
        return None
    exact = dt.date(number, from_month, int(day))
    return Days(has_year=has_year, first=exact, last=exact)


def group_dates(dates: frozenset[str]) -> dict[str, str]:
    """The group of each date, named by the most precise date of the group; a pure function of the set.

    Dates that nothing more precise refines are cores. Cores that may all be one day are one group. A vaguer date joins
    the one group it fits; where it fits two (2024-11 beside 2024-11-08 and 2024-11-20) it is a group of its own, so
    that it never ties two different days together.
    """
    days = {date: found for date in dates if (found := days_of(date))}
    group = {date: date for date in dates if date not in days}  # what is no date fits only itself
    names: dict[Days, str] = {}
    for date in sorted(days, key=lambda d: (len(d), d)):
        names.setdefault(days[date], date)
    cores = sorted(d for d in names if not any(d != e and d.holds(e) and not e.holds(d) for e in names))
    group_of: dict[Days, Days] = {}
    for core in cores:
        near = [other for other in cores if other.meets(core)]
        # Only where all that meet this one also meet one another: a chain of overlaps is no single day.
        together = all(a.meets(b) for a in near for b in near) and all(
            [other for other in cores if other.meets(member)] == near for member in near)
        group_of[core] = min(near, key=_precision) if together else core
    for found in names:
        if found not in group_of:
            fits = {group_of[core] for core in cores if core.meets(found)}
            group_of[found] = fits.pop() if len(fits) == 1 else found
    return group | {date: names[group_of[found]] for date, found in days.items()}


def most_precise(dates: frozenset[str]) -> str | None:
    """The most precise of dates that may be one; a day without its year takes the year that another gives."""
    days = {date: found for date in dates if (found := days_of(date))}
    if not days:
        return min(dates, default=None)
    best = min(sorted(days), key=lambda d: (_precision(days[d]), len(d)))
    found = days[best]
    if found.has_year or found.count > 1:
        return best
    placed = {d for known in days.values() if known.has_year
              for year in range(known.first.year, known.last.year + 1)
              if (d := _in_year(found, year)) and all(other.meets(d) for other in days.values())}
    return placed.pop().first.isoformat() if len(placed) == 1 else best


def _precision(days: Days) -> tuple[int, bool, Days]:
    return days.count, not days.has_year, days
