"""Where the Label Studio task of an article stands, from an export or from the tasks that were pushed."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from data.errors import DataError, UsageError


def task_addresses(export: Path, server: str) -> dict[str, str]:
    """Addresses of tasks by article id.

    Args:
        export: a full JSON export (https://labelstud.io/guide/export): a list of tasks with ``id``, ``project`` and
            ``data.id``. Tasks without these have no address and are passed over.
        server: the address of Label Studio.

    Raises:
        DataError: the file is no such export.
        UsageError: the server is no http address; a page must not link to anything else.
    """
    if urlsplit(server).scheme not in ("http", "https"):
        raise UsageError(f"expected an http address, found {server!r}", place="--label-studio", repair="http://localhost:8080")
    repair = "export the project as JSON in Label Studio"
    try:
        tasks = json.loads(export.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise DataError(f"no valid JSON: {fault}", place=str(export), repair=repair) from fault
    if not isinstance(tasks, list):
        raise DataError(f"expected a list of tasks, found {type(tasks).__name__}", place=str(export), repair=repair)
    found = {}
    for task in tasks:
        data = task.get("data") if isinstance(task, dict) else None
        if isinstance(data, dict) and "id" in data and {"id", "project"} <= task.keys():
            found[str(data["id"])] = f"{server.rstrip('/')}/projects/{int(task['project'])}/data?task={int(task['id'])}"
    return found
