"""YAML mappings that build on one another: ``extends: base.yaml`` lays a file over the one it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from data.errors import UsageError

EXTENDS = "extends"


def read_layered(path: Path | str, *, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The mapping of a YAML file over that of the file it ``extends``, whose path is relative to its own folder.

    Mappings are merged key by key; every other value, lists included, replaces the one below.

    Args:
        below: the files that led here, so that a circle is found.

    Raises:
        UsageError: a file is missing, no UTF-8 or no YAML mapping, or files extend each other in a circle.
    """
    path = Path(path)
    if path.resolve() in below:
        raise UsageError(f"{EXTENDS} leads back to the file itself", place=str(path), repair=f"take {EXTENDS} out of one")
    record = _read_mapping(path, named_by=below[-1] if below else None)
    if EXTENDS not in record:
        return record
    base = record.pop(EXTENDS)
    if not isinstance(base, str):
        raise UsageError(f"{EXTENDS}: expected the path of one YAML file, found {base!r}", place=str(path),
                         repair=f"{EXTENDS}: base.yaml")
    return overlay(read_layered(path.parent / base, below=(*below, path.resolve())), record)


def overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``, key by key; neither is changed."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = overlay(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _read_mapping(path: Path, *, named_by: Path | None) -> dict[str, Any]:
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise UsageError("no such config file" + (f", which {named_by} extends" if named_by else ""), place=str(path),
                         repair="--config configs/default.yaml (see the folder configs/)") from fault
    except yaml.YAMLError as fault:
        raise UsageError(f"no valid YAML: {fault}", place=str(path)) from fault
    except UnicodeDecodeError as fault:
        raise UsageError(f"expected UTF-8, found byte {fault.object[fault.start]:#04x} at {fault.start}", place=str(path),
                         repair=f"iconv -f GB18030 -t UTF-8 {path} > config.yaml") from fault
    if not isinstance(record, dict):
        raise UsageError(f"expected a mapping of keys, found {type(record).__name__}", place=str(path),
                         repair="start from configs/default.yaml")
    return record
