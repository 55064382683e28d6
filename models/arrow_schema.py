"""The columns of predicted articles and events in Parquet: the keys of the article contract, typed."""

from __future__ import annotations

import pyarrow as pa


def schema_of(kind: str) -> pa.Schema:
    """The schema of a file of ``articles`` or of ``events``."""
    return _ARTICLE if kind == "articles" else _EVENT_LINE


_TEXTS = pa.list_(pa.string())
_CANDIDATE = pa.struct({"id": pa.string(), "name": pa.string(), "score": pa.float64()})
_EVENT = {
    "parties": _TEXTS, "other_parties": _TEXTS,
    "signatories": pa.list_(pa.struct({"person": pa.string(), "roles": _TEXTS, "hospital": pa.string()})),
    "date": pa.string(), "agreement": pa.string(), "evidence": _TEXTS, "kind": pa.string(), "status": pa.string(),
    "score": pa.float64(), "sentences": pa.list_(pa.list_(pa.int64())),
    "links": pa.list_(pa.struct({"name": pa.string(), "id": pa.string(), "kind": pa.string(), "best": _CANDIDATE,
                                 "runner_up": _CANDIDATE})),
}
_EVENT_LINE = pa.schema({"article": pa.string(), "published": pa.string(), "publisher": pa.string(), **_EVENT})
_ENTITY = pa.struct({"id": pa.string(), "start": pa.int64(), "end": pa.int64(), "label": pa.string(), "text": pa.string(),
                     "score": pa.float64()})
_RELATION = pa.struct({"type": pa.string(), "head": pa.string(), "tail": pa.string(), "score": pa.float64()})
_ARTICLE = pa.schema({
    "id": pa.string(), "text": pa.string(), "published": pa.string(), "publisher": pa.string(),
    "entities": pa.list_(_ENTITY), "relations": pa.list_(_RELATION), "events": pa.list_(pa.struct(_EVENT)),
    "clusters": pa.list_(_TEXTS), "undecided": _TEXTS, "model": pa.string(), "signing_score": pa.float64(),
})
