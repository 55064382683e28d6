"""Another layout of an annotated article: order of paragraphs, length of guest lists, page lines around it."""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import replace

from data.article import Article, Entity, Relation
from data.edits import Edit, apply_edits, rebuilt
from data.names import NameMaker, read_lines, words

_BODY_LINE_CHARS = 40
_SLOT = re.compile(r"\{([HPRDO])(?::([^}]+))?\}|<([a-z]+)>")
_Maybe = Entity | None
_LABELS = {"H": "HOSPITAL", "P": "PERSON", "R": "ROLE", "D": "DATE", "O": "ORG"}
_LIST_GOES_ON = re.compile("[、，；。]|等|出席|参加")
_COUNTED = re.compile("[0-9两二三四五六七八九十]余?[人位名]")


def shuffle_paragraphs(article: Article, rng: random.Random) -> Article:
    """Long body paragraphs in another order; the first two lines, short lines and all before 简称 stay in place."""
    lines = article.text.split("\n")
    starts = [0, *(m.end() for m in re.finditer("\n", article.text))]
    line_of = {e.id: bisect_right(starts, e.char_start) - 1 for e in article.entities}
    fixed = max([1, *(i for i, line in enumerate(lines) if "简称" in line or "下称" in line)])
    order = [i for i, line in enumerate(lines) if i > fixed and len(line) >= _BODY_LINE_CHARS and line[-1] in "。”！？）"]
    if len(order) < 2 or any(line_of[r.head] != line_of[r.tail] for r in article.relations):
        return article
    moved = dict(zip(order, rng.sample(order, len(order)), strict=True))
    texts = [lines[moved.get(i, i)] for i in range(len(lines))]
    new_starts, at = {}, 0
    for i, text in enumerate(texts):
        new_starts[moved.get(i, i)] = at
        at += len(text) + 1
    entities = [replace(e, char_start=e.char_start + shift, char_end=e.char_end + shift) for e in article.entities
                for shift in [new_starts[line_of[e.id]] - starts[line_of[e.id]]]]
    return rebuilt(article, "\n".join(texts), entities)


def change_list(article: Article, rng: random.Random) -> Article:
    """Drop one guest of a list, or add one, where no other fact leans on the guest; unchanged where none is sure."""
    by_start, by_end = ({getattr(e, edge): e for e in article.entities} for edge in ("char_start", "char_end"))
    facts: dict[str, list[Relation]] = {}
    for r in article.relations:
        for end in (r.head, r.tail):
            facts.setdefault(end, []).append(r)
    text = article.text
    for e in rng.sample(article.entities, len(article.entities)):
        types = {r.type for r in facts.get(e.id, ())}
        if e.label != "PERSON" or not {"HOLDS_ROLE"} <= types <= {"HOLDS_ROLE", "WORKS_AT"}:
            continue
        start, roles = e.char_start, set[str]()
        while (role := by_end.get(start if not roles else start - 1)) and role.label == "ROLE" and (
                not roles or text[start - 1] == "、") and {r.head for r in facts.get(role.id, ())} == {e.id}:
            start, roles = role.char_start, roles | {role.id}
        sentence = re.split("[。\n]", text[start:])[0]
        if not roles or roles != {r.tail for r in facts[e.id] if r.type == "HOLDS_ROLE"} or _COUNTED.search(sentence):
            continue
        before, after = by_end.get(start - 1), by_start.get(e.char_end + 1)
        listed = text[start - 1:start] == "、" and before is not None and before.label == "PERSON"
        if listed and _LIST_GOES_ON.match(text, e.char_end):
            gone = Edit(char_start=start - 1, char_end=e.char_end, new="")
            return apply_edits(article, [gone], dropped={e.id, *roles})
        next_begins = text.startswith("、", e.char_end) and after is not None and after.label in ("ROLE", "HOSPITAL")
        # A guest beside those who sign would be taken for one who signs.
        if next_begins and "WORKS_AT" in types and "签" not in sentence:
            return _with_guest(article, e, NameMaker(rng), [r for r in facts[e.id] if r.type == "WORKS_AT"])
    return article


def _with_guest(article: Article, guest: Entity, maker: NameMaker, works_at: Sequence[Relation]) -> Article:
    role, person, at = maker.role("department"), maker.person(), guest.char_end
    article = apply_edits(article, [Edit(char_start=at, char_end=at, new=f"、{role}{person}")])
    middle = at + 1 + len(role)
    added = [Entity(id="G1", char_start=at + 1, char_end=middle, label="ROLE", text=role),
             Entity(id="G2", char_start=middle, char_end=middle + len(person), label="PERSON", text=person)]
    facts = (Relation(type="HOLDS_ROLE", head="G2", tail="G1"), *(replace(r, head="G2") for r in works_at))
    article = replace(article, relations=(*article.relations, *facts), clusters=(*article.clusters, ("G2",)))
    return rebuilt(article, article.text, [*article.entities, *added])


def add_furniture(
    article: Article, rng: random.Random, *, labels: Collection[str], relation_types: Collection[str],
) -> Article:
    """Web page lines before and after, annotated with the labels and relation types there are, else plain text."""
    page = _Page(article, rng)
    head = page.write(rng.sample(read_lines("page_head.txt"), rng.choice((0, 1, 1, 2, 2))), base=0)
    at = rng.choice((0, article.text.find("\n") + 1))
    changed = apply_edits(article, [Edit(char_start=at, char_end=at, new=head), Edit(
        char_start=len(article.text), char_end=len(article.text), new="\n")])
    placed = [replace(e, char_start=e.char_start + at, char_end=e.char_end + at) for e in page.entities]
    foot = page.write(rng.sample(read_lines("page_foot.txt"), rng.choice((0, 1, 2, 3))), base=len(changed.text))
    entities = [e for e in (*placed, *page.entities[len(placed):]) if e.label in labels]
    known = {e.id for e in entities}
    relations = [r for r in page.relations if r.type in relation_types and {r.head, r.tail} <= known]
    hospitals = tuple(e.id for e in entities if e.label == "HOSPITAL")
    clusters = [(*c, *hospitals) if page.hospital_id in c else c for c in article.clusters]
    clusters += [(e.id,) for e in entities if e.label in ("PERSON", "ORG")] + [hospitals] * (not page.hospital_id)
    changed = replace(changed, relations=(*changed.relations, *relations), clusters=tuple(clusters))
    return rebuilt(changed, changed.text + foot.removesuffix("\n"), [*changed.entities, *entities])


class _Page:
    """Fills the templates of page lines; the hospital is the one the article names most fully, or another one."""

    def __init__(self, article: Article, rng: random.Random) -> None:
        self.maker = NameMaker(rng)
        named = max((e for e in article.entities if e.label == "HOSPITAL"), key=lambda e: len(e.text), default=None)
        fits = named is not None and len(named.text) > 5 and named.text.isalnum()
        self.hospital_id = named.id if named and fits else ""
        self.hospital = named.text if named and fits else self.maker.hospital().full
        self.entities: list[Entity] = []
        self.relations: list[Relation] = []

    def write(self, templates: Sequence[str], *, base: int) -> str:
        """The lines of the templates, each with its line end; entities are noted at ``base`` plus their offset."""
        text = ""
        for line in (part for template in templates for part in template.split(" / ")):
            post, org, done = None, None, 0
            for slot in _SLOT.finditer(line):
                gap = line[done:slot.start()]
                text, done = text + gap, slot.end()
                new = self._value(slot[1] or slot[3], slot[2] or "")
                if slot[1]:
                    start = base + len(text)
                    e = Entity(id=f"F{len(self.entities)}", char_start=start, char_end=start + len(new), text=new,
                               label=_LABELS[slot[1]])
                    self.entities.append(e)
                    post, org = self._relate(e, gap, post, org)
                text += new
            text += line[done:] + "\n"
        return text

    def _relate(self, e: Entity, gap: str, post: _Maybe, org: _Maybe) -> tuple[_Maybe, _Maybe]:
        """Note what a person holds; returns the post and newspaper that the next mention stands behind."""
        joined = not gap.strip(" \u3000：:、丨｜")
        if e.label == "PERSON" and post and joined:
            self.relations.append(Relation(type="HOLDS_ROLE", head=e.id, tail=post.id))
            if org:
                self.relations.append(Relation(type="WORKS_AT", head=e.id, tail=org.id))
            return post, org
        if e.label == "ROLE":
            return e, org if joined and "记者" in e.text else None
        return None, e if e.label == "ORG" else None

    def _value(self, slot: str, like: str) -> str:
        maker, rng = self.maker, self.maker.rng
        if slot in ("H", "P", "R"):
            return {"H": self.hospital, "R": like}.get(slot) or maker.person()
        if slot in ("D", "O"):
            return maker.date(like) if slot == "D" else maker.org(like).full
        lists = {"title": "titles", "street": "streets", "office": "self_names", "city": "cities"}
        if slot in lists:
            return rng.choice(words("words.txt", lists[slot]))
        digits = str(rng.randint(10**7, 10**8 - 1))
        return {"n": digits[:rng.randint(2, 5)], "m": digits[:rng.randint(1, 2)], "z": digits[:6],
                "p": f"0{digits[:3]}-{digits[1:]}", "icp": f"苏ICP备{digits}号",
                "t": f"{rng.randint(7, 21):02}:{rng.randint(0, 59):02}"}[slot]
