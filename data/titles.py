"""Posts dropped or swapped in an annotated article."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping

from data.article import Article, Entity
from data.edits import Edit, apply_edits

TITLE_SHARE = 0.3


def change_titles(article: Article, rng: random.Random) -> Article:
    """Drop some posts with their relations, or swap two coordinated ones; only where the text stays natural."""
    holders: dict[str, set[str]] = defaultdict(set)
    for r in article.relations:
        holders[r.tail].add(r.head)
    by_start, by_end = ({getattr(e, edge): e for e in article.entities} for edge in ("char_start", "char_end"))
    text, edits, dropped, touched = article.text, list[Edit](), set[str](), set[str]()

    def beside(role: Entity, other: Entity | None, separator: str) -> Entity | None:
        """The coordinated post of the same people, if nothing was done to it yet."""
        same = other and other.label == "ROLE" and separator == "、" and holders[other.id] == holders[role.id]
        return other if other and same and other.id not in touched else None

    for role in article.entities:
        if role.label != "ROLE" or role.id in touched or rng.random() > TITLE_SHARE:
            continue
        start, end = role.char_start, role.char_end
        before, after = by_end.get(start), by_start.get(end)
        left = beside(role, by_end.get(start - 1), text[start - 1:start])
        right = beside(role, by_start.get(end + 1), text[end:end + 1])
        if right and rng.random() < 0.5:
            edits += [Edit(char_start=start, char_end=end, new=right.text),
                      Edit(char_start=right.char_start, char_end=right.char_end, new=role.text)]
            touched |= {role.id, right.id}
            continue
        if right:
            edit = Edit(char_start=start, char_end=right.char_start, new="")
        elif left:
            edit = Edit(char_start=left.char_end, char_end=end, new="")
        elif (_names(before, role, holders) and text[end:end + 1] != "、") or (
                # Behind a 、 the post of the one before would seem to be shared.
                _names(after, role, holders) and text[start - 1:start] in ("", "，", "；", "：", "（", "(", "。", "\n")):
            edit = Edit(char_start=start, char_end=end, new="")
        else:
            continue
        edits.append(edit)
        dropped.add(role.id)
        touched |= {e.id for e in (role, left, right) if e}
    return apply_edits(article, edits, dropped=dropped)


def _names(e: Entity | None, role: Entity, holders: Mapping[str, set[str]]) -> bool:
    """Whether a mention is the full name of the one who alone holds a post."""
    return e is not None and e.label == "PERSON" and len(e.text) > 1 and holders[role.id] == {e.id}
