"""One signing told by several outlets becomes one record; the order of the input and earlier merges change nothing."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.article import Article, Event, Link, LinkCandidate, Signatory, write_jsonl
from models.events import main
from models.merge import MergedEvent, Report, merge_reports, reports_of


def report(*parties: str, article: str = "a", publisher: str | None = None, published: str | None = None, **more: object) -> Report:
    return Report(article=article, publisher=publisher, published=published, event=Event(parties=parties, **more))  # type: ignore[arg-type]


def again(merged: list[MergedEvent]) -> list[Report]:
    """What a merged file gives back."""
    return [r for m in merged for r in reports_of(json.loads(json.dumps(m.to_dict())))]


def test_two_outlets_of_one_signing() -> None:
    one = report("甲医院", "乙医院", article="1", publisher="甲报", published="2024-11-09", date="XXXX-11-08", agreement="协作协议", kind="医联体",
                 status="signed", score=0.7, evidence=("T1",), signatories=(Signatory(person="张三", roles=("院长",), hospital="甲医院"),))
    two = report("乙医院", "甲医院", article="2", publisher="乙报", published="2024-11-08", date="2024-11-08", kind="医联体", status="planned", score=0.9,
                 signatories=(Signatory(person="张三", roles=("党委书记",), hospital="甲医院"), Signatory(person="李四", hospital="乙医院")))
    merged, = merge_reports([one, two])
    event = merged.event
    assert event.parties == ("乙医院", "甲医院")  # as the surer report has them
    assert (event.date, event.agreement, event.kind, event.status, event.score) == ("2024-11-08", "协作协议", "医联体", "signed", 0.9)
    assert event.signatories == (Signatory(person="张三", roles=("党委书记", "院长"), hospital="甲医院"), Signatory(person="李四", hospital="乙医院"))
    assert merged.sources == (two, one)
    record = merged.to_dict()
    assert record["source_count"] == 2 and "evidence" not in record
    assert [(s["article"], s["publisher"], s["published"]) for s in record["sources"]] == [("2", "乙报", "2024-11-08"), ("1", "甲报", "2024-11-09")]
    assert record["sources"][1]["event"]["evidence"] == ["T1"]


@pytest.mark.parametrize(("dates", "groups"), [
    (["XXXX-11-08", "2024-11-08"], 1), (["2024-11", "2024-11-08"], 1), ([None, "2024-11-08"], 1), ([None, None], 1), (["2024-11-08", "2024-11-09"], 2),
    ([None, "2024-11-08", "2024-11-09"], 3), (["2024-11", "2024-11-08", "2024-11-09"], 3), ([None, None, "2024-11-08", "2023-11-08"], 3)])
def test_dates_that_may_be_one_meet_and_never_chain(dates: list[str | None], groups: int) -> None:
    merged = merge_reports([report("甲医院", "乙医院", article=str(i), date=d) for i, d in enumerate(dates)])
    assert len(merged) == groups
    for m in merged:
        days = {s.event.date for s in m.sources if s.event.date and len(s.event.date) == 10 and "X" not in s.event.date}
        assert len(days) <= 1


def test_other_parties_make_another_signing() -> None:
    reports = [report("甲医院", "乙医院"), report("甲医院", "丙医院"), report("甲医院", "乙医院", other_parties=("某大学",)), report("甲医院", "乙医院", "丙医院")]
    assert len(merge_reports(reports)) == 4


def test_names_meet_in_their_clean_form_and_the_fullest_is_kept() -> None:
    link = Link(name="市中心医院", kind="close", id="W1", best=LinkCandidate(id="W1", name="威海市中心医院", score=0.9))
    full = Link(name="威海市中心医院", kind="exact", id="W1", best=LinkCandidate(id="W1", name="威海市中心医院", score=1.0))
    merged = merge_reports([report("市中心医院", "乙医院", links=(link,), signatories=(Signatory(person="张三", hospital="市中心医院"),)),
                            report("威海市中心医院", "乙醫院", article="b", links=(full,))])
    assert len(merged) == 1 and merged[0].event.parties[0] == "威海市中心医院"
    assert merged[0].event.links == (full,)
    assert merged[0].event.signatories[0].hospital == "威海市中心医院"
    assert len(merge_reports([report("市中心医院", "乙医院"), report("威海市中心医院", "乙医院")])) == 2  # nothing says they are one


def test_a_lone_party_needs_day_and_agreement() -> None:
    """Its partner is unknown: two companies may sign with one hospital on one day."""
    def count(*fields: dict) -> int:
        return len(merge_reports([report("甲医院", article=str(i), **f) for i, f in enumerate(fields)]))

    day = {"date": "2024-11-08", "agreement": "战略合作协议", "kind": "非医院伙伴"}
    assert count(day, day) == 1 and count(day, {**day, "agreement": "数字医疗协议"}) == 2
    assert count(day, {**day, "date": None}) == 2 and count({**day, "date": "2024-11"}, {**day, "date": "2024-11", "score": 0.5}) == 2


def test_a_signatory_without_institution_joins_the_only_one_of_the_name() -> None:
    def people(*hospitals: str | None) -> list[str | None]:
        found = merge_reports([report("甲医院", "乙医院", article=str(i), signatories=(Signatory(person="张三", hospital=h),))
                               for i, h in enumerate(hospitals)])
        return [s.hospital for s in found[0].event.signatories]

    assert people(None, "甲医院") == ["甲医院"] and people("甲医院", "甲医院") == ["甲医院"] and people(None, None) == [None]
    assert sorted(map(str, people(None, "甲医院", "乙医院"))) == ["None", "乙医院", "甲医院"]


def test_the_same_report_twice_counts_once() -> None:
    one = report("甲医院", "乙医院", date="2024-11-08")
    assert merge_reports([one, one]) == merge_reports([one])


def test_the_field_most_reports_give() -> None:
    given = [("协作协议", "医联体", "planned"), ("战略协议", "other", "unveiled"), ("战略协议", "战略合作", "planned"), (None, "战略合作", None)]
    merged, = merge_reports([report("甲医院", "乙医院", article=str(i), agreement=a, kind=k, status=s) for i, (a, k, s) in enumerate(given)])
    assert (merged.event.agreement, merged.event.kind, merged.event.status, merged.event.score) == ("战略协议", "战略合作", "unveiled", None)


NAMES = st.sampled_from(["甲医院", "乙医院", "乙醫院", "丙县人民医院"])
DATES = st.sampled_from([None, "2024", "2024-11", "XXXX-11-08", "2024-11-08", "2024-11-20", "2023-11-08", "近日"])
REPORTS = st.builds(
    Report, article=st.sampled_from("abcd"), publisher=st.sampled_from([None, "甲报"]), published=st.sampled_from([None, "2024-11-09"]),
    event=st.builds(Event, parties=st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple), date=DATES,
                    agreement=st.sampled_from([None, "战略合作协议", "协议书"]), kind=st.sampled_from([None, "other", "医联体", "托管"]),
                    status=st.sampled_from([None, "signed", "planned", "renewed"]), score=st.sampled_from([None, 0.5, 0.9]),
                    evidence=st.sampled_from([(), ("T1",)]), sentences=st.sampled_from([(), ((0, 9),)]),
                    signatories=st.lists(st.builds(Signatory, person=st.sampled_from(["张三", "李四"]), hospital=st.none() | NAMES,
                                                   roles=st.sampled_from([(), ("院长",), ("书记", "院长")])), max_size=2).map(tuple)))


@given(st.lists(REPORTS, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(reports: list[Report], random) -> None:
    shuffled = reports[:]
    random.shuffle(shuffled)
    assert [m.to_dict() for m in merge_reports(reports)] == [m.to_dict() for m in merge_reports(shuffled)]


@given(st.lists(REPORTS, max_size=6), st.integers(0, 6))
def test_merging_merged_output_changes_nothing_whole_or_in_parts(reports: list[Report], cut: int) -> None:
    whole = merge_reports(reports)
    assert merge_reports(again(whole)) == whole
    assert merge_reports([*again(merge_reports(reports[:cut])), *again(merge_reports(reports[cut:]))]) == whole


@given(st.lists(REPORTS, max_size=6))
def test_every_report_is_kept_once_and_no_two_days_meet(reports: list[Report]) -> None:
    merged = merge_reports(reports)
    kept = [json.dumps(s.to_dict(), sort_keys=True) for m in merged for s in m.sources]
    assert sorted(kept) == sorted({json.dumps(r.to_dict(), sort_keys=True) for r in reports})
    for m in merged:
        dates = {s.event.date for s in m.sources}
        assert not any({"2024-11-08", "2024-11-20"} <= dates or {"2023-11-08", x} <= dates for x in ("2024-11-08", "2024", "2024-11"))


ARTICLE = Article(id="1", text="威海：市中心医院与乙县医院签约。", published="2024-11-09", publisher="威海晚报",
                  events=(Event(parties=("市中心医院", "乙县医院"), date="2024-11-08", evidence=()),))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A prediction file, events alone, and a register."""
    write_jsonl(tmp_path / "one.jsonl", [ARTICLE, Article(id="2", text="无")])
    event = {"article": "3", "published": None, "parties": ["威海市中心医院", "乙县医院"], "date": None}
    (tmp_path / "two.jsonl").write_text(json.dumps(event, ensure_ascii=False) + "\n", encoding="utf-8")
    (tmp_path / "hospitals.csv").write_text("id,name,region\nW1,威海市中心医院,山东省威海市\n,无号医院,\n", encoding="utf-8")
    return [tmp_path / name for name in ("one.jsonl", "two.jsonl", "hospitals.csv")]


def test_the_command(files: list[Path], tmp_path: Path, call) -> None:
    one, two, register = files
    out = tmp_path / "deep" / "merged.jsonl"
    said = call(main, "merge", one, two, "--output", out, "--register", register)
    assert said.code == 0 and "2 reports, 1 events, 1 of them in several sources" in said.err and "line 3: no id" in said.err
    assert "1 exact" in said.err and "1 close" in said.err and "2 none" in said.err
    record, = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert set(record["parties"]) == {"威海市中心医院", "乙县医院"} and record["date"] == "2024-11-08" and record["source_count"] == 2
    assert record["links"]["威海市中心医院"]["id"] == "W1"
    for more in ((), ("--register", register)):
        assert call(main, "merge", out, "--output", "-", *more).out == out.read_text(encoding="utf-8")
    assert call(main, "merge", two, one, "--output", "-").out.count("\n") == 2  # without the register they stay two


def test_broken_lines_cost_only_themselves(files: list[Path], tmp_path: Path, call) -> None:
    bad = tmp_path / "bad.jsonl"
    lines = ["{", '{"id": "x"}', "[]", '{"article": "x", "parties": [1]}', '{"article": "x", "parties": []}', '{"sources": [{"article": "x"}]}',
             '{"article": "x", "parties": ["甲"], "published": 3}', '{"article": "x", "parties": ["甲"], "links": [1]}',
             '{"id": "x", "text": "y", "events": [{"parties": ["甲"], "date": 5}]}', '{"article": "x", "parties": ["甲"], "score": "high"}']
    bad.write_bytes("\n".join(lines).encode() + b"\n\xff\n\n")
    said = call(main, "merge", bad, files[0], "--output", "-")
    assert said.code == 0 and said.out.count("\n") == 1
    for number in itertools.chain(range(1, len(lines) + 2)):
        assert f"{bad}: line {number}: " in said.err
    assert call(main, "merge", bad, "--output", tmp_path / "none.jsonl").code == 1 and not (tmp_path / "none.jsonl").exists()


def test_no_event_is_no_fault(tmp_path: Path, call) -> None:
    write_jsonl(tmp_path / "empty.jsonl", [Article(id="1", text="无")])
    said = call(main, "merge", tmp_path / "empty.jsonl", "--output", "-")
    assert said.code == 0 and said.out == "" and "0 reports, 0 events" in said.err


def test_wrong_calls(tmp_path: Path, call) -> None:
    assert call(main).code == 2 and call(main, "join").code == 2 and call(main, "merge", "x").code == 2
    assert call(main, "merge", tmp_path / "none.jsonl", "--output", "-").code == 1
    assert "examples:" in call(main, "merge", "--help").out
