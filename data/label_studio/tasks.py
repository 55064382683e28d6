"""Articles as tasks: raw text, metadata and the hash that tells them again; pre-annotations checked with the SDK."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from data.article import Article, article_to_dict
from data.errors import UsageError
from data.files import text_hash
from data.formats.base import Ledger, sound
from data.formats.label_studio import LABEL_CONTROL, TEXT_OBJECT, article_to_task
from data.schema import Schema, restrict

HASH = "text_sha256"
Key = tuple[str, str]  # article id, hash of the text


def key_of(data: dict[str, Any]) -> Key:
    """What a task is told by; tasks that came by other ways lack the hash, and their text is hashed here."""
    text = data.get("text")
    return str(data.get("id")), str(data.get(HASH) or (text_hash(text) if isinstance(text, str) else ""))


def fingerprint(article: Article) -> str:
    """Hex SHA-256 of the marks of an article, ids and places included; the ends of a relation in either order."""
    spans = sorted([e.id, e.char_start, e.char_end, e.label] for e in article.entities)
    links = sorted([r.type, *sorted((r.head, r.tail))] for r in article.relations)
    return text_hash(json.dumps([spans, links]))


def interface_of(config: str, schema: Schema, *, place: str) -> Any:
    """The SDK's view of a project's labelling configuration, which must hold what the schema names.

    Raises:
        UsageError: the configuration is wrong, or lacks the tags or labels of the schema.
    """
    from label_studio_sdk.label_interface import LabelInterface

    repair = "put what `python -m data.label_studio config` prints into the project's settings, or choose another --schema"
    try:
        interface = LabelInterface(config)
        interface.validate()
        known = set(interface.get_control(LABEL_CONTROL).labels)
        interface.get_object(TEXT_OBJECT)
    except Exception as fault:
        raise UsageError(f"the labelling configuration does not fit: {fault}", place=place, repair=repair) from fault
    if lacking := [label for label in schema.labels if label not in known]:
        raise UsageError(f"the labelling configuration lacks the labels {' '.join(lacking)}", place=place, repair=repair)
    return interface


def task_of(article: Article, schema: Schema, ledger: Ledger) -> dict[str, Any]:
    """One task as every command sends it: with the hash of its text, and metadata that the page can show.

    Events and clusters travel along in ``meta``, where no annotator sees them, and come back with ``pull``.
    """
    task = article_to_task(article, ledger, schema=schema)
    data = task["data"]
    data.update({HASH: text_hash(data["text"]), "published": data["published"] or "", "publisher": data["publisher"] or ""})
    meta = {key: article_to_dict(article)[key] for key in ("events", "clusters") if getattr(article, key)}
    return {**task, "meta": {**meta, "marks": fingerprint(article)}} if meta else task


def build_tasks(articles: Iterable[Article], schema: Schema, interface: Any, ledger: Ledger, *,
                model_version: str | None = None) -> list[dict[str, Any]]:
    """Tasks of the articles, in their order, ready for import; an article that cannot be a task is told in the ledger.

    A bare article (no marks, no model) becomes a task without annotation. Labels and relations beside the schema are left out
    and counted.
    """
    tasks: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for article in articles:
        if not article.text.strip():
            ledger.skip(article.id, "an article without text is no task")
            continue
        article = restrict(sound(article, ledger, article.id), schema, ledger.counts)
        task = task_of(article, schema, ledger)
        data = task["data"]
        if not article.entities and article.model is None:
            task["annotations"] = []
        if said := seen.get(data["id"]):
            if said == data[HASH]:
                ledger.count("articles that stand twice in the input")
            else:
                ledger.skip(article.id, "another article of the input has this id and another text")
            continue
        seen[data["id"]] = data[HASH]
        for prediction in task["predictions"]:
            prediction["model_version"] = model_version or prediction["model_version"]
        faults = [fault for held in (*task["predictions"], *task["annotations"])
                  for fault in interface.validate_prediction(held, return_errors=True) if fault]
        if faults:
            ledger.skip(article.id, f"the SDK refuses it: {'; '.join(map(str, faults[:3]))}")
            continue
        tasks.append(task)
    return tasks
