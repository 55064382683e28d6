"""The page of ``eval.network``: the drawing, the timeline and the list of signings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from eval.network_view import Network, Timeline, build_network, build_timeline
from eval.page import Words, words, write_page
from models.merge import MergedEvent, Report, party_keys

NAME_LENGTH = 11  # characters of a name under its node; the whole name shows on pointing
EVIDENCE_LENGTH = 160
BAR_HEIGHT, TIMELINE_WIDTH = 90.0, 1180.0


def write_network(
    path: Path, signings: Sequence[MergedEvent], bodies: Mapping[str, str], *, limit: int, reports: int, lang: str = "en"
) -> dict[str, Any]:
    """Write the page, whole or not at all.

    Args:
        signings: one record a signing.
        bodies: publisher, line end and text of articles by id, where they are known: evidence is quoted from them.
        limit: draw at most this many institutions.
        reports: how many reports the signings were merged from.

    Returns:
        ``drawn``: institutions in the picture.
    """
    w = words()
    # The newest first, what has no date last.
    signings = sorted(signings, key=lambda m: m.event.date or "", reverse=True)
    network = build_network(signings, limit=limit)
    timeline = build_timeline([m.event for m in signings])
    place = {node.key: i for i, node in enumerate(network.nodes)}
    statuses = sorted({m.event.status for m in signings if m.event.status})
    kinds = sorted({m.event.kind for m in signings if m.event.kind})
    write_page(
        path, "network.html.j2", lang=lang, signings=len(signings), reports=reports, network=network, timeline=timeline,
        statuses=statuses, kinds=kinds, drawing=draw_network(network, w), bars=draw_timeline(timeline, w),
        page_data={"signings": [_record(m, place, bodies) for m in signings], "words": w.for_script("net_js_"),
                   "bins": [list(numbers) for _, numbers in timeline.bins], "names": [n.name for n in network.nodes],
                   "statuses": {s: w.name(f"status_{s}") if f"status_{s}" in w else w.name(s) for s in statuses}})
    return {"drawn": len(network.nodes)}


def _record(merged: MergedEvent, place: Mapping[str, int], bodies: Mapping[str, str]) -> dict[str, Any]:
    event = merged.event
    keys = party_keys(event)
    people = [{"person": s.person, "roles": list(s.roles), "hospital": s.hospital} for s in event.signatories]
    record = {
        "parties": [*event.parties, *event.other_parties],
        "nodes": sorted({place[key] for key in keys.values() if key in place}), "date": event.date,
        "agreement": event.agreement, "kind": event.kind, "status": event.status, "people": people,
        "sources": [[s.article, s.publisher, s.published] for s in merged.sources],
        "evidence": next((quote for s in merged.sources if (quote := evidence(s, bodies))), None),
    }
    return {key: value for key, value in record.items() if value not in (None, [])}


def evidence(report: Report, bodies: Mapping[str, str]) -> str | None:
    """The sentences that state an event, cut where they are long; None where the text is not at hand."""
    body = bodies.get(report.article) or ""
    text = body[len(report.publisher or "") + 1:]
    quote = " … ".join(said for start, end in report.event.sentences if (said := text[start:end].strip()))
    return (quote[:EVIDENCE_LENGTH] + "…" if len(quote) > EVIDENCE_LENGTH else quote) or None


def _element(parent: ET.Element | None, tag: str, text: str | None = None, **attributes: Any) -> ET.Element:
    plain = {k.rstrip("_").replace("_", "-"): f"{v:.1f}" if isinstance(v, float) else str(v) for k, v in attributes.items()}
    node = ET.Element(tag, plain) if parent is None else ET.SubElement(parent, tag, plain)
    node.text = text
    return node


def _spoken(w: Words, key: str, **values: Any) -> dict[str, str]:
    en, zh = (side.striptags() for side in w.phrase(key, **values))
    return {"aria_label": en, "data_aria_label_en": en, "data_aria_label_zh": zh}


def draw_network(network: Network, w: Words) -> Markup:
    """The picture: a button for every institution, a line for every pair that signed."""
    svg = _element(None, "svg", viewBox=f"0 0 {network.width:.0f} {network.height + 10:.0f}", class_="network", role="group",
                   width=f"{network.width:.0f}", **_spoken(w, "net_drawing", n=len(network.nodes), m=len(network.edges)))
    for edge in network.edges:
        a, b = network.nodes[edge.source], network.nodes[edge.target]
        _element(svg, "line", class_="edge", x1=a.x, y1=a.y, x2=b.x, y2=b.y, data_a=edge.source, data_b=edge.target,
                 stroke_width=min(1.0 + len(edge.signings), 6.0))
    for number, node in enumerate(network.nodes):
        group = _element(svg, "g", class_="node" if node.is_hospital else "node other", tabindex=0, role="button",
                         data_node=number, aria_pressed="false", **_spoken(w, "net_node", name=node.name, n=node.signings))
        _element(group, "title", f"{node.name} ({node.signings})")
        size = min(5.0 + 1.6 * node.signings, 16.0)
        if node.is_hospital:
            _element(group, "circle", cx=node.x, cy=node.y, r=size)
        else:
            _element(group, "rect", x=node.x - size, y=node.y - size, width=2 * size, height=2 * size)
        short = node.name if len(node.name) <= NAME_LENGTH else node.name[:NAME_LENGTH - 1] + "…"
        _element(group, "text", short, x=node.x, y=node.y + size + 13, text_anchor="middle", lang="zh")
    return Markup(ET.tostring(svg, encoding="unicode"))


def draw_timeline(timeline: Timeline, w: Words) -> Markup:
    """A bar for every bin; those with signings are buttons."""
    if not timeline.bins:
        return Markup("")
    tallest = max(len(numbers) for _, numbers in timeline.bins)
    step = TIMELINE_WIDTH / len(timeline.bins)
    svg = _element(None, "svg", viewBox=f"-34 -14 {TIMELINE_WIDTH + 60:.0f} {BAR_HEIGHT + 42:.0f}", class_="timeline", role="group",
                   width=f"{TIMELINE_WIDTH + 60:.0f}", **_spoken(w, "net_timeline"))
    _element(svg, "text", str(tallest), x=-8, y=8, text_anchor="end")
    _element(svg, "line", class_="axis", x1=0, x2=TIMELINE_WIDTH, y1=BAR_HEIGHT, y2=BAR_HEIGHT)
    every = max(1, -(-len(timeline.bins) // 14))
    for number, (name, numbers) in enumerate(timeline.bins):
        x = number * step
        if number % every == 0:
            _element(svg, "text", name, x=x, y=BAR_HEIGHT + 20)
        if numbers:
            height = len(numbers) / tallest * BAR_HEIGHT
            bar = _element(svg, "g", class_="bin", tabindex=0, role="button", data_bin=number, aria_pressed="false",
                           **_spoken(w, "net_bin", name=name, n=len(numbers)))
            _element(bar, "title", f"{name}: {len(numbers)}")
            _element(bar, "rect", x=x, y=BAR_HEIGHT - height, width=max(step - 2, 1.5), height=height)
    return Markup(ET.tostring(svg, encoding="unicode"))
