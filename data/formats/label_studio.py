"""Label Studio's full JSON export and import (https://labelstud.io/guide/task_format): tasks with regions and relations.

Offsets of a ``Text`` tag with ``granularity="symbol"`` count code points, end-exclusive, like ours.
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

LABEL_CONTROL, TEXT_OBJECT = "label", "text"  # names of the Labels and Text tags in the labelling configuration


def article_to_task(article: Article, ledger: Ledger) -> dict[str, Any]:
    """One task: what a model predicted becomes a prediction, everything else an annotation."""
    text = storable(article.text, ledger)
    result: list[dict[str, Any]] = [
        {"id": e.id, "from_name": LABEL_CONTROL, "to_name": TEXT_OBJECT, "type": "labels",
         "value": {"start": e.char_start, "end": e.char_end, "text": text[e.char_start : e.char_end], "labels": [e.label]},
         **({} if e.score is None else {"score": e.score})}
        for e in article.entities
    ]
    result += [
        {"type": "relation", "from_id": r.head, "to_id": r.tail, "direction": "right", "labels": [r.type],
         **({} if r.score is None else {"score": r.score})}
        for r in article.relations
    ]
    data = {"id": storable(article.id, ledger), "text": text, "published": article.published,
            "publisher": article.publisher and storable(article.publisher, ledger)}
    predicted = article.model is not None
    return {"data": data, "annotations": [] if predicted else [{"result": result}],
            "predictions": [{"model_version": article.model, "result": result}] if predicted else []}


def task_to_article(task: dict[str, Any], ledger: Ledger, *, place: str = "task 1") -> Article | None:
    """The article of one exported task; None where nobody has annotated it yet.

    Of several annotations the ground truth counts, else the one last changed; drafts and skipped tasks never do. A
    task without annotation gives its first prediction.

    Args:
        place: where faults of single regions and relations are said to be; the id of a task that carries none.

    Raises:
        KeyError, TypeError, ValueError: the task is no text task of a full JSON export.
    """
    if "data" not in task:
        raise ValueError("expected a task with data and annotations; JSON-MIN and CSV exports lose relations, "
                         "export as JSON")
    data = task["data"]
    text = string(data, "text")
    annotations = [a for a in task.get("annotations") or () if not a.get("was_cancelled")]
    predictions = task.get("predictions") or []
    ledger.count("annotations passed over for another of the same task", max(0, len(annotations) - 1))
    chosen = max(annotations, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or "")), default=None)
    source = chosen or next((p for p in predictions if isinstance(p, dict)), None)
    if source is None:
        return None
    entities: list[Entity] = []
    relations: list[Relation] = []
    for item in source.get("result") or []:
        try:
            _read_item(item, text, entities, relations, ledger)
        except KeyError as fault:
            ledger.skip(place, f"a result lacks the key {fault}")
        except (TypeError, ValueError, AttributeError) as fault:
            ledger.skip(place, f"a result is malformed: {fault}")
    said = {key: data[key] if isinstance(data.get(key), str) else None for key in ("published", "publisher")}
    return Article(
        id=str(data.get("id") or task.get("id") or place), text=text, published=said["published"],
        publisher=said["publisher"], entities=tuple(entities), relations=tuple(relations),
        model=None if chosen else str(source.get("model_version") or "unknown"))


def _read_item(
    item: dict[str, Any], text: str, entities: list[Entity], relations: list[Relation], ledger: Ledger
) -> None:
    """Add one result item to the entities or relations it belongs to."""
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
        ledger.count("regions without a label", not labels)
        ledger.count("labels beyond the first of a region", max(0, len(labels) - 1))
        for label in labels[:1]:
            start, end = offset(value, "start"), offset(value, "end")
            entities.append(Entity(id=str(item["id"]), char_start=start, char_end=end, label=str(label),
                                   text=_region_text(value, text[start:end]), score=item.get("score")))
    else:
        ledger.count(f"results of type {item['type']}")


def _region_text(value: dict[str, Any], stands: str) -> str:
    """What the region says of itself; projects may leave it out, and the editor may write a line break as ``\\n``."""
    said = value.get("text")
    return stands if said is None or said == stands.replace("\n", "\\n") else str(said)


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
    tasks = [article_to_task(a, ledger) for a in articles]
    write_text(path, json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")


FORMAT = Format(name="label-studio", about="Label Studio's full JSON export, regions and relations", read=read, write=write)
