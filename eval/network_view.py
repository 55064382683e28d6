"""Who signed with whom as a graph with places on paper, and when, as bins of a timeline."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from data.article import Event
from models.edtf import days_of
from models.merge import MergedEvent, party_keys

PAGE_WIDTH = 1180.0  # of the drawing, in SVG units
NODE_ROOM = 112.0  # side of the square that one node gets, its name included
PAIR_WIDTH, PAIR_HEIGHT = 230.0, 96.0
GAP = 26.0
MAX_DAYS, MAX_MONTHS = 62, 120  # spans up to which the timeline counts days, then months


@dataclass(frozen=True, kw_only=True)
class Node:
    """An institution: its fullest name, whether it is a hospital, how many signings, its place."""

    key: str
    name: str
    is_hospital: bool
    signings: int
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Two institutions by position in the list of nodes, and the positions of their signings."""

    source: int
    target: int
    signings: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Network:
    """The graph on paper. ``alone`` counts institutions whose partners nobody names, ``left_out`` those beyond
    the limit."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    width: float
    height: float
    alone: int
    left_out: int


def build_network(signings: Sequence[MergedEvent], *, limit: int) -> Network:
    """Institutions joined by what they signed with one another.

    Args:
        signings: merged, so that one signing counts once.
        limit: draw at most this many institutions, those with most signings.
    """
    names: dict[str, Counter[str]] = defaultdict(Counter)
    hospitals: set[str] = set()
    together: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, merged in enumerate(signings):
        keys = party_keys(merged.event)
        for name, key in keys.items():
            names[key][name] += 1
        hospitals |= {keys[name] for name in merged.event.parties}
        for pair in itertools.combinations(sorted(set(keys.values())), 2):
            together[pair].append(number)
    joined = {key for pair in together for key in pair}
    count = {key: sum(names[key].values()) for key in joined}
    whole = nx.Graph()
    whole.add_edges_from(sorted(together))
    kept = _largest(whole, count, limit)
    graph = nx.Graph()
    graph.add_nodes_from(sorted(kept))
    graph.add_edges_from(sorted(pair for pair in together if kept.issuperset(pair)))
    places, width, height = lay_out(graph)
    order = {key: i for i, key in enumerate(graph)}
    nodes = [Node(key=key, name=max(names[key], key=lambda n: (len(n), names[key][n], n)), is_hospital=key in hospitals,
                  signings=count[key], x=places[key][0], y=places[key][1]) for key in graph]
    edges = [Edge(source=order[a], target=order[b], signings=found) for (a, b), found in sorted(together.items())
             if a in kept and b in kept]
    return Network(nodes=nodes, edges=edges, width=width, height=height, alone=len(names) - len(joined),
                   left_out=len(joined) - len(kept))


def _largest(graph: nx.Graph, count: Mapping[str, int], limit: int) -> set[str]:
    """Up to ``limit`` institutions: the largest components, the last one from its hub outwards, so that none stands alone."""
    kept: set[str] = set()
    for nodes in sorted(nx.connected_components(graph), key=lambda c: (-len(c), -sum(count[k] for k in c), min(c))):
        room = limit - len(kept)
        if room < 2:
            break
        hub = min(nodes, key=lambda k: (-graph.degree[k], -count[k], k))
        kept |= nodes if len(nodes) <= room else set(itertools.islice(nx.bfs_tree(graph, hub), room))
    return kept


Places = Mapping[str, tuple[float, float]]


def lay_out(graph: nx.Graph) -> tuple[dict[str, tuple[float, float]], float, float]:
    """A place for every node, each component in a box of its own, the boxes in rows; the same graph always lies the same.

    Returns:
        places, width and height of the whole.
    """
    placed: dict[str, tuple[float, float]] = {}
    x = y = row_height = widest = 0.0
    for nodes in sorted(nx.connected_components(graph), key=lambda c: (-len(c), min(c))):
        inside, width, height = _component(graph.subgraph(sorted(nodes)))
        if x and x + width > PAGE_WIDTH:
            x, y, row_height = 0.0, y + row_height + GAP, 0.0
        placed |= {key: (x + px, y + py) for key, (px, py) in inside.items()}
        widest, row_height = max(widest, x + width), max(row_height, height)
        x += width + GAP
    return placed, max(widest, PAGE_WIDTH), y + row_height


def _component(graph: nx.Graph) -> tuple[Places, float, float]:
    nodes = sorted(graph)
    if len(nodes) <= 2:
        return {n: (PAIR_WIDTH / 2, 20 + 44.0 * i) for i, n in enumerate(nodes)}, PAIR_WIDTH, PAIR_HEIGHT
    side = NODE_ROOM * math.sqrt(len(nodes)) + 60
    width = min(1.35 * side, PAGE_WIDTH) if len(nodes) < 80 else PAGE_WIDTH
    height = side * side * 1.1 / width
    # Stress layout is the clearer one and needs all distances; springs will do for many nodes.
    raw = nx.kamada_kawai_layout(nx.Graph(graph)) if len(nodes) <= 80 else nx.spring_layout(graph, seed=0, iterations=80)
    low_x, low_y = (min(raw[n][i] for n in nodes) for i in (0, 1))
    span_x, span_y = (max(max(raw[n][i] for n in nodes) - low, 1e-9) for i, low in ((0, low_x), (1, low_y)))
    margin_x, margin_y = NODE_ROOM * 0.6, 24.0
    return {n: (margin_x + (raw[n][0] - low_x) / span_x * (width - 2 * margin_x),
                margin_y + (raw[n][1] - low_y) / span_y * (height - 2 * margin_y - 20)) for n in nodes}, width, height


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Signings by ``unit`` (day, month, year): every bin from first to last with the positions of its signings.

    ``undated`` counts signings without a date, ``vague`` those whose date does not fall into one bin.
    """

    unit: str
    bins: Sequence[tuple[str, Sequence[int]]]
    undated: int
    vague: int


def build_timeline(events: Sequence[Event]) -> Timeline:
    """Count by day where all lie within two months, else by month, else, beyond ten years, by year."""
    days = {i: found for i, e in enumerate(events) if e.date and (found := days_of(e.date)) and found.has_year}
    undated = len(events) - len(days)
    if not days:
        return Timeline(unit="month", bins=(), undated=undated, vague=0)
    firsts, lasts = [d.first for d in days.values()], [d.last for d in days.values()]
    months = 12 * (max(lasts).year - min(firsts).year) + max(lasts).month - min(firsts).month
    unit = "day" if (max(lasts) - min(firsts)).days <= MAX_DAYS else "month" if months <= MAX_MONTHS else "year"
    length = {"day": 10, "month": 7, "year": 4}[unit]
    filled: dict[str, list[int]] = defaultdict(list)
    for i, d in days.items():
        if d.first.isoformat()[:length] == d.last.isoformat()[:length]:
            filled[d.first.isoformat()[:length]].append(i)
    return Timeline(unit=unit, bins=[(name, filled.get(name, [])) for name in _names(filled, unit)], undated=undated,
                    vague=len(days) - sum(map(len, filled.values())))


def _names(found: Iterable[str], unit: str) -> list[str]:
    """Every bin from the first to the last, empty ones too."""
    known = sorted(found)
    if not known:
        return []
    if unit == "day":
        first, last = dt.date.fromisoformat(known[0]), dt.date.fromisoformat(known[-1])
        return [(first + dt.timedelta(days=i)).isoformat() for i in range((last - first).days + 1)]
    if unit == "year":
        return [f"{year:04d}" for year in range(int(known[0]), int(known[-1]) + 1)]
    first_month, last_month = (12 * int(name[:4]) + int(name[5:]) - 1 for name in (known[0], known[-1]))
    return [f"{m // 12:04d}-{m % 12 + 1:02d}" for m in range(first_month, last_month + 1)]
