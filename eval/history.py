"""The last run: the newest earlier evaluation of the same gold data, as a line to beat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HEADLINE = ("entities", "relations", "events")


def last_run(report: Path, *, gold_sha256: str, predictions_sha256: str) -> dict[str, Any] | None:
    """What ``metrics.json`` of the newest other evaluation of this gold says, in this report folder or beside it.

    One with the same predictions is this run again; then its own last run counts.
    """
    found = []
    for path in {*report.parent.glob("*/metrics.json"), report / "metrics.json"}:
        record = _read(path)
        facts = (record or {}).get("provenance") or {}
        if record is None or facts.get("gold_sha256") != gold_sha256:
            continue
        if facts.get("predictions_sha256") == predictions_sha256:
            found.append(record.get("last_run"))
        else:
            found.append(_line(path, record))
    return max((line for line in found if line), key=lambda line: line["finished"] or "", default=None)


def headline(record: Mapping[str, Any]) -> dict[str, Any]:
    """The three scores of the first table."""
    return {"entities": record["entities"]["micro"], "relations": record["relations"]["micro"],
            "events": record["events"]["parties"]}


def _line(path: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    facts = record["provenance"]
    return {"report": path.parent.name, "model": record.get("model"), "git": facts.get("git"),
            "finished": facts.get("finished"), "predictions_sha256": facts.get("predictions_sha256"), **headline(record)}


def _read(path: Path) -> dict[str, Any] | None:
    """A record of an earlier evaluation; one that is broken or of another kind is no last run."""
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return record if isinstance(record, dict) and {"entities", "relations", "events"} <= set(record) else None
