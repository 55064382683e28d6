"""A project's full JSON export: made by the server as a snapshot, kept on disk as it came, and refused where it lost relations."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from data.errors import DataError
from data.files import atomic_write
from data.label_studio.client import NO_SDK_RETRIES, Server, ServerError

_AS_JSON = "export the project as JSON (not JSON_MIN, CSV, TSV or CONLL2003), or pull with --project"


def download_export(server: Server, project_id: int, path: Path, *, patience_s: float = 600.0, pause_s: float = 0.5) -> int:
    """Have the server make a snapshot of every task and annotation, wait for it, and keep its bytes at ``path``.

    The file is written before anybody looks into it; its MD5 must be what the server said. The snapshot is then removed from
    the server.

    Args:
        patience_s: how long the server may take to make it.

    Returns:
        the number of bytes.

    Raises:
        ServerError: the snapshot failed, took too long, or came damaged.
    """
    exports = server.sdk.projects.exports
    # Annotators by address: exports hold only their numbers unless asked.
    with_names: Any = {"annotations__completed_by": {"only_id": False}}
    snapshot = server.call(lambda: exports.create(
        project_id, title="qianyue pull", serialization_options=with_names, request_options=NO_SDK_RETRIES))
    ends = time.monotonic() + patience_s
    while True:
        state: Any = server.call(lambda: exports.get(id=project_id, export_pk=snapshot.id, request_options=NO_SDK_RETRIES))
        if state.status in ("completed", "failed"):
            break
        if time.monotonic() > ends:
            raise ServerError(f"the snapshot is still {state.status} after {patience_s:.0f} s", place=server.url,
                              repair="a longer --patience, or see the server's log")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 10.0)
    if state.status == "failed":
        raise ServerError("the server could not make the snapshot", place=server.url, repair="see the server's log")
    packed: bytes = server.call(lambda: b"".join(exports.download(
        id=project_id, export_pk=snapshot.id, export_type="JSON", request_options=NO_SDK_RETRIES)))
    with atomic_write(path, "wb") as stream:
        stream.write(packed)
    found = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    if state.md5 and state.md5 != found:
        raise ServerError(f"the export came damaged: expected MD5 {state.md5}, found {found}", place=str(path),
                          repair="pull again; the damaged file was kept")
    server.call(lambda: exports.delete(id=project_id, export_pk=snapshot.id, request_options=NO_SDK_RETRIES))
    return len(packed)


def read_export(path: Path) -> list[Any]:
    """The tasks of an export file, unread.

    Raises:
        DataError: the file is missing, no JSON, or an export that has lost the relations.
    """
    try:
        packed = path.read_bytes()
    except FileNotFoundError as fault:
        raise DataError("no such file", place=str(path), repair="check the path") from fault
    if packed.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise DataError("expected JSON, found a packed archive (CoNLL and BRAT exports come so, and have lost the relations)",
                        place=str(path), repair=_AS_JSON)
    try:
        tasks = json.loads(packed.decode("utf-8-sig"))
    except (ValueError, RecursionError) as fault:
        raise DataError(f"expected a full JSON export, found {_kind_of(packed)}", place=str(path), repair=_AS_JSON) from fault
    tasks = tasks if isinstance(tasks, list) else [tasks]
    whole = [isinstance(task, dict) and "data" in task for task in tasks]
    if tasks and not any(whole):
        raise DataError("expected tasks with data and annotations, found none (a JSON_MIN export holds only the regions, and has "
                        "lost the relations)", place=str(path), repair=_AS_JSON)
    return tasks


def _kind_of(packed: bytes) -> str:
    """What a file that is no JSON seems to be."""
    first = packed[:2000].decode("utf-8", "replace").lstrip("\ufeff").split("\n", 1)[0].strip()
    if first.startswith("-DOCSTART-"):
        return "a CoNLL export, which has lost the relations"
    if not first.startswith(("[", "{")) and ("," in first or "\t" in first):
        return "a CSV or TSV export, which has lost the relations"
    return "no valid JSON"
