"""Exported tasks -> annotations on raw offsets. What cannot be used is counted, and what an annotator should look at again is
put aside with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.article import Article, Relation, article_from_dict, article_to_dict
from data.files import text_hash
from data.formats.base import Ledger, sound
from data.formats.label_studio import NO_SIGNING, SIGNING_CONTROL, result_to_article, text_of
from data.label_studio.rules import Annotation, annotator_of
from data.label_studio.tasks import HASH, fingerprint
from data.schema import Schema


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One thing put aside: where it was found, why, and the thing itself as it was exported."""

    task: str
    article: str
    annotation: str
    reason: str
    item: Any


class Reader:
    """Reads the tasks of one export; ``ledger`` and ``refused`` fill up as it goes.

    Args:
        keep_empty: take a submission without any mark, and without the choice "no signing", as one that says there is nothing.
    """

    def __init__(self, schema: Schema, ledger: Ledger, *, keep_empty: bool = False) -> None:
        self.schema, self.ledger, self.keep_empty = schema, ledger, keep_empty
        self.refused: list[Refused] = []
        self._ids: set[str] = set()

    def read_task(self, task: Any, number: int) -> list[Annotation]:
        """Every submitted annotation of a task; none where the task was skipped, never done, or is not what was pushed."""
        place = f"task {task.get('id', number) if isinstance(task, dict) else number}"
        try:
            text, data = text_of(task), task["data"]
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            self._refuse(place, "", "", f"no text task: {fault}", task)
            return []
        article_id = str(data.get("id") or task.get("id") or place)
        if data.get(HASH) and data[HASH] != text_hash(text):
            self._refuse(place, article_id, "", "the text is not the one that was pushed: somebody changed the task", data)
            return []
        self.ledger.count("drafts that were never submitted", len(_list(task.get("drafts"))))
        if not isinstance(task.get("annotations") or [], list):
            self._refuse(place, article_id, "", "annotations that are no list", task["annotations"])
        found = []
        for annotation in _list(task.get("annotations")):
            if not isinstance(annotation, dict) or not isinstance(annotation.get("result") or [], list):
                self._refuse(place, article_id, "", "an annotation that is none", annotation)
            elif annotation.get("was_cancelled"):
                self.ledger.count("annotations skipped by the annotator")
            elif (read := self._read(task, annotation, place, article_id)) is not None:
                found.append(read)
        if not found:
            self.ledger.count("tasks without a submitted annotation")
        elif article_id in self._ids:
            self._refuse(place, article_id, "", "another task of the export has this article id", data)
            return []
        else:
            self._ids.add(article_id)
        return found

    def _read(self, task: dict[str, Any], annotation: dict[str, Any], place: str, article_id: str) -> Annotation | None:
        """One annotation; None where it is empty and says nothing."""
        result = annotation.get("result") or []
        name = str(annotation.get("id", ""))
        choices = [c for item in result if isinstance(item, dict) and item.get("from_name") == SIGNING_CONTROL
                   for c in _list(_value(item).get("choices"))]
        no_signing = NO_SIGNING in choices
        if not result and not self.keep_empty:
            self.ledger.count(f'empty annotations that do not say "{NO_SIGNING}"')
            return None
        refused: list[tuple[Any, str]] = []
        kept = self._without_dangling(result, refused)
        # Scores are the model's; what an annotator has submitted is as sure as the rest of the gold.
        article = _without_scores(result_to_article(task, kept, self.ledger, place=place, refused=refused))
        self._count_corrections(annotation, result)
        whole = sound(article, self.ledger, place)
        lost = {id(e) for e in article.entities} - {id(e) for e in whole.entities}
        refused += [({"id": e.id, "start": e.char_start, "end": e.char_end, "label": e.label, "text": e.text},
                     "overlaps another region, or its id stands twice") for e in article.entities if id(e) in lost]
        whole = self._orient(whole, refused)
        if no_signing and any(r.type.startswith("SIGNED_") for r in whole.relations):
            self.ledger.count(f'annotations that say "{NO_SIGNING}" and mark who signed')
        for item, reason in refused:
            self._refuse(place, article_id, name, reason, item, told=True)
        return Annotation(annotator=annotator_of(annotation), updated_at=str(annotation.get("updated_at") or ""),
                          ground_truth=bool(annotation.get("ground_truth")), says_no_signing=no_signing,
                          article=self._with_events(whole, task))

    def _without_dangling(self, result: Sequence[Any], refused: list[tuple[Any, str]]) -> list[Any]:
        """The result without relations that end on deleted regions; what was left without a type or label is put aside."""
        regions = {str(i.get("id")) for i in result if isinstance(i, dict) and i.get("type") != "relation"}
        kept = []
        for item in result:
            if isinstance(item, dict) and item.get("type") == "relation" and {
                    str(item.get("from_id")), str(item.get("to_id"))} - regions:
                self.ledger.count("relations to deleted regions")
                refused.append((item, "a relation to a deleted region"))
                continue
            if isinstance(item, dict) and item.get("type") == "relation" and not item.get("labels"):
                refused.append((item, "a relation without a type"))
            if isinstance(item, dict) and item.get("type") == "labels" and not _value(item).get("labels"):
                refused.append((item, "a region without a label"))
            kept.append(item)
        return kept

    def _count_corrections(self, annotation: dict[str, Any], result: Sequence[Any]) -> None:
        """How the annotator changed the pre-annotation that was shown."""
        shown = annotation.get("prediction")
        if not isinstance(shown, dict) or not annotation.get("parent_prediction") or not isinstance(shown.get("result"), list):
            return
        before, after = _regions(shown["result"]), _regions(result)
        self.ledger.count("pre-annotated regions deleted by the annotator", len(before.keys() - after.keys()))
        self.ledger.count("pre-annotated regions corrected by the annotator",
                          sum(before[i] != after[i] for i in before.keys() & after.keys()))
        self.ledger.count("regions added to the pre-annotation", len(after.keys() - before.keys()))

    def _orient(self, article: Article, refused: list[tuple[Any, str]]) -> Article:
        """Symmetric relations head first in the text; directed ones turned round where only that is admissible."""
        by_id = {e.id: e for e in article.entities}
        relations: dict[tuple[str, str, str], Relation] = {}
        for r in article.relations:
            kind = self.schema.relation(r.type)
            head, tail = by_id[r.head], by_id[r.tail]
            if kind and kind.symmetric and head.char_start > tail.char_start:
                head, tail = tail, head
            elif kind and not _admits(kind, head.label, tail.label) and _admits(kind, tail.label, head.label):
                self.ledger.count("relations drawn the wrong way round, turned")
                head, tail = tail, head
            if kind and not _admits(kind, head.label, tail.label):
                reason = f"{r.type} from {head.label} {head.text!r} to {tail.label} {tail.text!r} is not admissible"
                self.ledger.count("relations between labels that their type does not admit")
                refused.append(({"type": r.type, "head": r.head, "tail": r.tail}, reason))
                continue
            if (key := (r.type, head.id, tail.id)) in relations:
                self.ledger.count("relations drawn twice")
            relations[key] = replace(r, head=head.id, tail=tail.id)
        return replace(article, relations=tuple(relations.values()))

    def _with_events(self, article: Article, task: dict[str, Any]) -> Article:
        """Events and clusters that travelled in ``meta`` come back where nobody changed the marks they rest on."""
        meta = task.get("meta")
        if not isinstance(meta, dict) or not (meta.get("events") or meta.get("clusters")):
            return article
        if meta.get("marks") != fingerprint(article):
            self.ledger.count("articles whose events were left out: their marks were changed")
            return article
        try:
            carried = article_from_dict({**article_to_dict(article), **{key: meta.get(key) for key in ("events", "clusters")}})
        except (KeyError, TypeError, ValueError) as fault:
            self.ledger.skip(f"task {task.get('id')}", f"events in meta that are none: {fault}")
            return article
        return replace(article, events=carried.events, clusters=carried.clusters)

    def _refuse(self, place: str, article: str, annotation: str, reason: str, item: Any, *, told: bool = False) -> None:
        """Put something aside; ``told`` where the ledger has it already."""
        if not told:
            self.ledger.skip(place, reason)
        self.refused.append(Refused(task=place.removeprefix("task "), article=article, annotation=annotation, reason=reason,
                                    item=item))


def _without_scores(article: Article) -> Article:
    return replace(article, entities=tuple(replace(e, score=None) for e in article.entities),
                   relations=tuple(replace(r, score=None) for r in article.relations))


def _admits(kind: Any, head: str, tail: str) -> bool:
    return head in kind.head and tail in kind.tail


def _regions(result: Sequence[Any]) -> dict[str, tuple[Any, ...]]:
    """Place and labels of the regions of a result, by id."""
    found = {}
    for item in result:
        if isinstance(item, dict) and item.get("type") == "labels" and isinstance(item.get("value"), dict):
            value = item["value"]
            found[str(item.get("id"))] = (value.get("start"), value.get("end"), tuple(map(str, _list(value.get("labels")))))
    return found


def _value(item: dict[str, Any]) -> dict[str, Any]:
    value = item.get("value")
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
