"""What to annotate next: the causes that cost most, and the kinds of articles that are read worst."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.causes import CAUSES

EXAMPLES = 3
FEW_ARTICLES = 3  # below this many a slice says too little
WORSE = 0.02  # F1 below the whole from which a slice is called weak
MOST = 8
DIMENSIONS = {"script": "字形", "outlet": "来源", "length": "篇幅", "self_reference": "自称", "parties": "签约方数",
              "signing": "是否签约"}


def annotate_next(items: Sequence[Mapping[str, Any]], slices: Mapping[str, Mapping[str, Any]],
                  whole: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Pieces of advice in both languages, those that speak of most errors first.

    Args:
        items: from :func:`eval.taxonomy.error_items`.
        slices: from :func:`eval.slices.slice_scores`.
        whole: the strict micro scores of entities.
    """
    return sorted([*_by_cause(items), *_by_slice(items, slices, whole)], key=lambda a: -a["errors"])[:MOST]


def _by_cause(items: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for name, cause in CAUSES.items():
        found = [i for i in items if name in (i["cause"], i.get("via"))]
        if found and cause.advice_en:
            yield {"cause": name, "slice": None, "errors": len(found), "share": len(found) / len(items),
                   "advice": {"en": cause.advice_en, "zh": cause.advice_zh}, "examples": _examples(found)}


def _by_slice(items: Sequence[Mapping[str, Any]], slices: Mapping[str, Mapping[str, Any]],
              whole: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Kinds of articles whose entities are read worse than the whole, though no kind that holds most errors anyway."""
    for dimension, zh in DIMENSIONS.items():
        for value, part in slices.get(dimension, {}).items():
            gap = whole["f1"] - part["entities"]["f1"]
            found = [i for i in items if i["article"] in set(part["ids"])]
            if part["articles"] >= FEW_ARTICLES and gap >= WORSE and found and 2 * len(found) <= len(items):
                yield {"cause": None, "slice": f"{dimension}: {value}", "errors": len(found), "share": len(found) / len(items),
                       "advice": {"en": f"articles of this kind ({dimension.replace('_', ' ')}: {value}): "
                                        f"{100 * gap:.1f} points of entity F1 below the whole",
                                  "zh": f"此类文章（{zh}：{value}）：实体 F1 比整体低 {100 * gap:.1f} 个百分点"},
                       "examples": _examples(found)}


def _examples(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One of each article, as long as there are."""
    first: dict[str, Mapping[str, Any]] = {}
    for item in items:
        first.setdefault(item["article"], item)
    return [{"article": i["article"], "text": i["text"], "part": i["part"], "name": i["name"]}
            for i in list(first.values())[:EXAMPLES]]
