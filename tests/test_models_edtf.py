"""Which days an EDTF date may mean, and which dates of several reports may be one day."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.edtf import days_of, group_dates, most_precise


@pytest.mark.parametrize(("date", "first", "last"), [
    ("2024-11-08", "2024-11-08", "2024-11-08"), ("2024-02", "2024-02-01", "2024-02-29"), ("2024", "2024-01-01", "2024-12-31"),
    ("202X", "2020-01-01", "2029-12-31"), ("2024-XX", "2024-01-01", "2024-12-31"), ("2024-11-XX", "2024-11-01", "2024-11-30"),
    ("2024-11-08/2024-11-10", "2024-11-08", "2024-11-10"), ("2024-24", "2024-12-01", "2025-02-28"), ("2024-11-08?", "2024-11-08", "2024-11-08"),
    ("2024-11/2024-12-05", "2024-11-01", "2024-12-05")])
def test_the_days_of_a_date(date: str, first: str, last: str) -> None:
    days = days_of(date)
    assert days is not None and days.has_year
    assert (days.first, days.last) == (dt.date.fromisoformat(first), dt.date.fromisoformat(last))


@pytest.mark.parametrize("date", ["", "昨日", "2024-13", "2024-11-31", "XXXX", "2024-11-10/2024-11-08", "2024-11-08/", "0000", "2024-11-08/XXXX-11-10"])
def test_what_is_no_date_has_no_days(date: str) -> None:
    assert days_of(date) is None


MEETINGS = [
    ("XXXX-11-08", "2024-11-08", True), ("XXXX-11-08", "2024-11", True), ("XXXX-11-08", "2024-11-09", False),
    ("2024-11", "2024-11-08", True), ("2024-11", "2024-12", False), ("XXXX-11", "XXXX-11-08", True), ("XXXX-02-29", "2023-02-28", False),
    ("XXXX-02-29", "2024-02-29", True), ("XXXX-12-30/XXXX-01-02", "2025-01-01", True), ("XXXX-12-30/XXXX-01-02", "XXXX-01-01", True),
    ("2024-11-08/2024-11-10", "2024-11-10", True), ("2024-11-08/2024-11-10", "2024-11-11", False), ("XXXX-01-01", "2024", True)]


@pytest.mark.parametrize(("one", "other", "meet"), MEETINGS)
def test_whether_two_dates_may_be_one_day(one: str, other: str, meet: bool) -> None:
    a, b = days_of(one), days_of(other)
    assert a is not None and b is not None
    assert a.meets(b) is b.meets(a) is meet


def test_holding_wants_every_day_and_the_year() -> None:
    month, day, yearless = (days_of(d) for d in ("2024-11", "2024-11-08", "XXXX-11-08"))
    assert month and day and yearless
    assert month.holds(day) and not day.holds(month) and yearless.holds(day) and not month.holds(yearless)


GROUPS = [
    ({"XXXX-11-08", "2024-11-08"}, [{"XXXX-11-08", "2024-11-08"}]),
    ({"2024-11", "2024-11-08"}, [{"2024-11", "2024-11-08"}]),
    ({"2024-11", "2024-11-08", "2024-11-20"}, [{"2024-11"}, {"2024-11-08"}, {"2024-11-20"}]),  # fits both, ties neither
    ({"XXXX-11-08", "2023-11-08", "2024-11-08"}, [{"XXXX-11-08"}, {"2023-11-08"}, {"2024-11-08"}]),
    ({"XXXX-11-08", "2024-11"}, [{"XXXX-11-08", "2024-11"}]),
    ({"XXXX-11-08", "2023-11", "2024-11"}, [{"XXXX-11-08"}, {"2023-11"}, {"2024-11"}]),
    ({"2024", "2024-11", "2024-11-08", "2023"}, [{"2024", "2024-11", "2024-11-08"}, {"2023"}]),
    ({"2024-11-08/2024-11-10", "2024-11-10/2024-11-12", "2024-11-12/2024-11-14"},
     [{"2024-11-08/2024-11-10"}, {"2024-11-10/2024-11-12"}, {"2024-11-12/2024-11-14"}]),  # a chain is no day
    ({"近日", "2024-11-08"}, [{"近日"}, {"2024-11-08"}])]


@pytest.mark.parametrize(("dates", "groups"), GROUPS)
def test_groups_of_dates(dates: set[str], groups: list[set[str]]) -> None:
    group_of = group_dates(frozenset(dates))
    found = [{d for d in dates if group_of[d] == name} for name in set(group_of.values())]
    assert sorted(map(sorted, found)) == sorted(map(sorted, groups))


DATES = st.sampled_from(["2024", "2023", "2024-11", "2024-12", "XXXX-11-08", "XXXX-11-20", "XXXX-11", "2024-11-08", "2024-11-20",
                         "2023-11-08", "2024-11-08/2024-11-10", "202X", "XXXX-02-29", "2024-02-29", "近日"])


@given(st.frozensets(DATES))
def test_all_dates_of_a_group_may_be_one_day(dates: frozenset[str]) -> None:
    group_of = group_dates(dates)
    assert group_of.keys() == dates
    for one in dates:
        for other in dates:
            if one != other and group_of[one] == group_of[other]:
                core, days = days_of(group_of[one]), days_of(other)
                assert core and days and core.meets(days)


@pytest.mark.parametrize(("dates", "best"), [
    (["2024-11", "2024-11-08", "2024"], "2024-11-08"), (["XXXX-11-08", "2024-11-08"], "2024-11-08"), (["XXXX-11-08", "2024-11"], "2024-11-08"),
    (["XXXX-11-08", "202X"], "XXXX-11-08"), (["2024-11-08/2024-11-10", "2024-11"], "2024-11-08/2024-11-10"), (["近日"], "近日"), ([], None)])
def test_the_most_precise_date(dates: list[str], best: str | None) -> None:
    assert most_precise(frozenset(dates)) == best
