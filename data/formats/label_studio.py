"""Label Studio's full JSON export and import (https://labelstud.io/guide/task_format): tasks with regions and relations.

Offsets of a ``Text`` tag with ``granularity="symbol"`` count code points, end-exclusive, like ours; what drifted on its way through
other tools is put back where the text proves it (``data/label_studio/offsets.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data.article import Article, Entity, Relation
from data.errors import DataError
from data.files import write_text
from data.formats.base import Format, Ledger, count_unheld, offset, storable, string
from data.label_studio.offsets import place_regions
from data.schema import Schema

LABEL_CONTROL, TEXT_OBJECT = "label", "text"  # names of the Labels and Text tags in the labelling configuration
SIGNING_CONTROL, NO_SIGNING = "signing", "no signing"  # the Choices tag, and its only choice


def article_to_task(article: Article, ledger: Ledger, *, schema: Schema | None) -> dict[str, Any]:
    """One task: what a model predicted becomes a prediction, with the mean of its scores; everything else an annotation.

    Args:
        schema: says which relations are symmetric, and drawn with arrows at both ends; None where nobody knows it. It drops
            nothing: see :func:`data.schema.restrict`.
    """
    symmetric = {r.name for r in schema.relations if r.symmetric} if schema else set()
    text = storable(article.text, ledger)
    result: list[dict[str, Any]] = [
        {"id": e.id, "from_name": LABEL_CONTROL, "to_name": TEXT_OBJECT, "type": "labels",
         "value": {"start": e.char_start, "end": e.char_end, "text": text[e.char_start : e.char_end], "labels": [e.label]},
         **({} if e.score is None else {"score": e.score})}
        for e in article.entities
    ]
    result += [
        {"type": "relation", "from_id": r.head, "to_id": r.tail, "direction": "bi" if r.type in symmetric else "right",
         "labels": [r.type], **({} if r.score is None else {"score": r.score})}
        for r in article.relations
    ]
    data = {"id": storable(article.id, ledger), "text": text, "published": article.published,
            "publisher": article.publisher and storable(article.publisher, ledger)}
    predicted = article.model is not None
    return {"data": data, "annotations": [] if predicted else [{"result": result}],
            "predictions": [{"model_version": article.model, "score": _mean_score(result), "result": result}] if predicted else []}


def _mean_score(result: Sequence[dict[str, Any]]) -> float | None:
    """The mean of the scores of regions and relations, 0..1: the data manager sorts by it."""
    scores = [item["score"] for item in result if item.get("score") is not None]
    return round(sum(scores) / len(scores), 4) if scores else None


def task_to_article(task: dict[str, Any], ledger: Ledger, *, place: str = "task 1") -> Article | None:
    """The article of one exported task; None where nobody has annotated it yet.

    Of several annotations the ground truth counts, else the one last changed; drafts and skipped tasks never do. A
    task without annotation gives its first prediction.

    Args:
        place: where faults of single regions and relations are said to be; the id of a task that carries none.

    Raises:
        KeyError, TypeError, ValueError: the task is no text task of a full JSON export.
    """
    text_of(task)
    annotations = [a for a in task.get("annotations") or () if not a.get("was_cancelled")]
    predictions = task.get("predictions") or []
    ledger.count("annotations passed over for another of the same task", max(0, len(annotations) - 1))
    chosen = max(annotations, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or "")), default=None)
    source = chosen or next((p for p in predictions if isinstance(p, dict)), None)
    if source is None:
        return None
    return result_to_article(task, source.get("result") or [], ledger, place=place,
                             model=None if chosen else str(source.get("model_version") or "unknown"))


def text_of(task: dict[str, Any]) -> str:
    """The text of an exported task.

    Raises:
        KeyError, TypeError, ValueError: the task is no text task of a full JSON export.
    """
    if "data" not in task:
        raise ValueError("expected a task with data and annotations; JSON-MIN and CSV exports lose relations, "
                         "export as JSON")
    return string(task["data"], "text")


def result_to_article(task: dict[str, Any], result: Sequence[Any], ledger: Ledger, *, place: str, model: str | None = None,
                      refused: list[tuple[Any, str]] | None = None) -> Article:
    """The article of a task with the regions and relations of one annotation or prediction.

    Args:
        refused: takes every item that could not be read and the reason; the ledger says the same in words.

    Raises:
        KeyError, TypeError, ValueError: the task is no text task of a full JSON export.
    """
    text, data = text_of(task), task["data"]
    regions: list[tuple[Any, str, int, int, str | None]] = []
    relations: list[Relation] = []
    refused = [] if refused is None else refused
    for item in result:
        reason = ""
        try:
            _read_item(item, regions, relations, ledger)
        except KeyError as fault:
            reason = f"a result lacks the key {fault}"
        except (TypeError, ValueError, AttributeError) as fault:
            reason = f"a result is malformed: {fault}"
        if reason:
            ledger.skip(place, reason)
            refused.append((item, reason))
    entities: list[Entity] = []
    for (item, label, start, end, said), found in zip(regions, place_regions(text, [r[2:] for r in regions]), strict=True):
        if found is None:
            reason = f"entity {item['id']} at {start}-{end}: expected {text[start:end]!r}, found {said!r}"
            ledger.skip(place, reason)
            refused.append((item, reason))
            continue
        ledger.count(f"regions moved: {found.how}", bool(found.how))
        entities.append(Entity(id=str(item["id"]), char_start=found.char_start, char_end=found.char_end, label=label,
                               text=text[found.char_start : found.char_end], score=item.get("score")))
    said_of = {key: data[key] if isinstance(data.get(key), str) and data[key] else None for key in ("published", "publisher")}
    return Article(id=str(data.get("id") or task.get("id") or place), text=text, published=said_of["published"],
                   publisher=said_of["publisher"], entities=tuple(entities), relations=tuple(relations), model=model)


def _read_item(item: dict[str, Any], regions: list[tuple[Any, str, int, int, str | None]], relations: list[Relation],
               ledger: Ledger) -> None:
    """Add one result item to the regions ``(item, label, start, end, text it says)`` or the relations."""
    if item["type"] == "relation":
        head, tail = str(item["from_id"]), str(item["to_id"])
        if item.get("direction") == "left":
            head, tail = tail, head
        relations += [Relation(type=str(label), head=head, tail=tail, score=item.get("score"))
                      for label in item.get("labels") or ()]
        ledger.count("relations without a label", not item.get("labels"))
    elif item["type"] == "labels":
        value = item["value"]
        labels = value.get("labels") or ()
        said = value.get("text")
        ledger.count("regions without a label", not labels)
        ledger.count("labels beyond the first of a region", max(0, len(labels) - 1))
        regions += [(item, str(label), offset(value, "start"), offset(value, "end"), None if said is None else str(said))
                    for label in labels[:1] if str(item["id"])]
    elif item["type"] != "choices" or item.get("from_name") != SIGNING_CONTROL:
        ledger.count(f"results of type {item['type']}")


def read(path: Path, ledger: Ledger) -> Iterator[tuple[str, Article]]:
    """The annotated tasks of an export file.

    Raises:
        DataError: the file is missing or no JSON list of tasks.
    """
    try:
        tasks = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as fault:
        raise DataError("no such file", place=str(path), repair="check the path") from fault
    except (ValueError, RecursionError) as fault:
        raise DataError(f"expected a Label Studio export in JSON: {fault}", place=str(path),
                        repair="export the project as JSON (not JSON-MIN, CSV or CONLL2003)") from fault
    for number, task in enumerate(tasks if isinstance(tasks, list) else [tasks], start=1):
        place = f"task {number}"
        try:
            if not isinstance(task, dict):
                raise TypeError(f"expected a task, found {type(task).__name__}")
            article = task_to_article(task, ledger, place=place)
        except KeyError as fault:
            ledger.skip(place, f"the key {fault} is missing")
        except (TypeError, ValueError, AttributeError) as fault:
            ledger.skip(place, str(fault))
        else:
            if article is None:
                ledger.count("tasks that nobody has annotated")
            else:
                yield place, article


def write(path: Path, articles: Sequence[Article], ledger: Ledger) -> None:
    """Write a file that Label Studio imports."""
    count_unheld(articles, ledger, relations=True, metadata=True, scores=True)
    tasks = [article_to_task(a, ledger, schema=None) for a in articles]  # a conversion knows no schema
    write_text(path, json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")


FORMAT = Format(name="label-studio", about="Label Studio's full JSON export, regions and relations", read=read, write=write)
