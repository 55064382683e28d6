"""The network page: who is joined with whom, nodes that keep apart, dates in their bins."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from data.article import Article, Event, Signatory, write_jsonl
from data.errors import run_command
from eval.network import main
from eval.network_page import evidence
from eval.network_view import build_network, build_timeline, lay_out
from models.merge import MergedEvent, Report


def signing(*parties: str, others: tuple[str, ...] = (), date: str | None = None) -> MergedEvent:
    return MergedEvent(event=Event(parties=parties, other_parties=others, date=date), sources=())


def names_of(signings: list[MergedEvent], limit: int = 99) -> tuple[set[str], set[tuple[str, str, int]]]:
    network = build_network(signings, limit=limit)
    edges = {(*sorted((network.nodes[e.source].name, network.nodes[e.target].name)), len(e.signings)) for e in network.edges}
    return {n.name for n in network.nodes}, edges


def test_every_pair_of_parties_is_joined_and_counted() -> None:
    nodes, edges = names_of([signing("甲医院", "乙医院"), signing("乙医院", "甲医院"), signing("甲医院", "乙医院", others=("丙大学",))])
    assert nodes == {"甲医院", "乙医院", "丙大学"}
    assert edges == {("乙医院", "甲医院", 3), ("丙大学", "甲医院", 1), ("丙大学", "乙医院", 1)}


def test_kinds_of_nodes_and_lonely_ones() -> None:
    network = build_network([signing("甲医院", others=("丙大学",)), signing("丁医院")], limit=99)
    assert {n.name: n.is_hospital for n in network.nodes} == {"甲医院": True, "丙大学": False}
    assert (network.alone, network.left_out) == (1, 0)


def test_the_limit_leaves_out_small_groups_and_nobody_stands_alone() -> None:
    star = [signing("中心", f"县{i}") for i in range(6)]
    network = build_network([*star, signing("甲", "乙"), signing("丙", "丁")], limit=5)
    assert len(network.nodes) == 5 and network.left_out == 6
    assert {n.name for n in network.nodes} >= {"中心"}
    joined = {i for e in network.edges for i in (e.source, e.target)}
    assert joined == set(range(5))
    assert len(build_network([*star, signing("甲", "乙"), signing("丙", "丁")], limit=9).nodes) == 9


@pytest.mark.parametrize("graph", [nx.star_graph(9), nx.path_graph(12), nx.complete_graph(8), nx.star_graph(90),
                                   nx.disjoint_union_all([nx.path_graph(2)] * 9)])
def test_nodes_keep_apart_inside_the_drawing_and_lie_the_same_each_time(graph: Any) -> None:
    graph = nx.relabel_nodes(graph, {n: f"n{n:03d}" for n in graph})
    places, width, height = lay_out(graph)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places.values())
    assert min(math.dist(a, b) for a, b in itertools.combinations(places.values(), 2)) > 12
    assert lay_out(graph)[0] == places


@pytest.mark.parametrize(("dates", "unit", "bins"), [
    (["2024-01-30", "2024-02-01", "2024-02-01"], "day", {"2024-01-30": [0], "2024-01-31": [], "2024-02-01": [1, 2]}),
    (["2023-11-05", "2024-02", "2024-02-03"], "month", {"2023-11": [0], "2023-12": [], "2024-01": [], "2024-02": [1, 2]}),
    (["2001-01-01", "2024-02", "2003"], "year", {"2001": [0], "2003": [2], "2024": [1]}),
])
def test_timeline_bins_follow_the_span(dates: list[str], unit: str, bins: dict[str, list[int]]) -> None:
    found = build_timeline([Event(parties=("甲",), date=d) for d in dates])
    assert found.unit == unit
    assert {name: list(numbers) for name, numbers in found.bins if numbers or name in bins} == bins
    assert (found.undated, found.vague) == (0, 0)
    assert [name for name, _ in found.bins] == sorted(name for name, _ in found.bins)


def test_dates_without_a_place_are_counted() -> None:
    dates = ["2023-11-05", "2024-02-03", "2024", "XXXX-05-01", None, "2023-12/2024-01"]
    found = build_timeline([Event(parties=("甲",), date=d) for d in dates])
    assert (found.undated, found.vague) == (2, 2)
    assert build_timeline([]).bins == ()


def test_evidence_is_quoted_from_the_text() -> None:
    event = Event(parties=("甲医院",), sentences=((0, 5), (6, 10)))
    report = Report(article="a", publisher="某网", event=event)
    assert evidence(report, {"a": "某网\n甲医院签约 乙也签约了"}) == "甲医院签约 … 乙也签约"
    assert evidence(report, {}) is None


def article(id: str, *events: Event) -> Article:
    return Article(id=id, text="正文", publisher="某<b>网", published="2024-05-01", events=events)


def test_command_reads_articles_and_merged_files_and_passes_over_broken_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = Event(parties=("甲医院", "乙</script>医院"), date="2024-03-01", agreement="<b>协议</b>", status="signed", kind="医联体",
                  signatories=(Signatory(person="王五", roles=("院长",), hospital="甲医院"),))
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [article("one", event), article("two", event)])
    path.write_text(path.read_text(encoding="utf-8") + "{broken\n", encoding="utf-8")
    assert run_command(main, [str(path), "--output", str(tmp_path / "n.html")]) == 0
    said = capsys.readouterr()
    assert "2 reports, 1 signings, 2 institutions drawn, 1 lines" in said.out and "line 3" in said.err
    page = (tmp_path / "n.html").read_text(encoding="utf-8")
    found = re.search(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    (record,) = json.loads(found[1])["signings"]
    assert record["parties"] == ["甲医院", "乙</script>医院"] and record["people"][0]["person"] == "王五"
    assert [s[0] for s in record["sources"]] == ["one", "two"]
    assert "<b>" not in page


@pytest.mark.parametrize(("text", "code", "says"), [("{broken\n", 1, "no line could be read"), (None, 1, "no such file")])
def test_command_says_what_is_wrong(tmp_path: Path, text: str | None, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.jsonl"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert run_command(main, [str(path), "--output", str(tmp_path / "n.html")]) == code
    assert says in capsys.readouterr().err and not (tmp_path / "n.html").exists()


def test_a_file_without_events_gives_a_page_that_says_so(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "p.jsonl", [article("one")])
    assert run_command(main, [str(tmp_path / "p.jsonl"), "--output", str(tmp_path / "n.html")]) == 0
    assert "0 signings from 0 reports" in (tmp_path / "n.html").read_text(encoding="utf-8")
