"""What the text around the mentions says of who is who: names it defines, what 我院 and 该院 stand for, whose campus it is.

All functions take the mentions of the institutions of one article in text order.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from data.article import Entity
from data.clean import surface
from data.schema import HOSPITAL

Cluster = tuple[str, str]  # one name that stands for all of a cluster

_REFERENCES = {
    "own": re.compile(r"[我本](?:医?院|委|局|校)|(?:我们|咱们?)[^院]{0,4}院"),
    "back": re.compile(r"该(?:医?院|委|局|校|公司)"),
    "addressed": re.compile(r"贵(?:医?院|委|局|校)"),
}
_SIGNED_LINE = 80  # characters of a line that is still furniture of the page
_BY_LINE = re.compile(r"来源|作者|供稿|版权|主办单位|欢迎访问|官方网站|关注|原创|[Cc]opy[Rr]ight|©|电话|地址|邮编|热线|ICP备|微信"
                      r"|发表于|收录于|上一篇|下一篇|\d{4}[-./年]\d{1,2}[-./月]\d{1,2}日? ?\d{1,2}:\d\d")
_SAYS = re.compile("(?:说|表示|介绍|指出|认为|回应|强调|透露|告诉记者)[^。]*$")
_MAX_GAP = 60  # raw characters between a name and the short form that the text defines for it, glosses included
_HINT = re.compile("[(（称]|[又原]名")
_DEFINES = re.compile(
    r"[”\"』」》]?(?:[(（](?:以下|下|后)?文?(?:统?简称|称|又称|又名|原名|昵称|亦称|也称|俗称|即|原)"
    r"|[,，]?(?:以下|下|后)?文?(?:统?简称|以下称|下称|又称|又名|原名|俗称))(?:为|作|是)?:?[“\"‘『「《]*")
_OPENS = re.compile(r"[”\"』」》]?[(（][“\"‘『「《]*")
_CLOSES = re.compile(r"[”\"’』」》]*[)）]")
_AND_ALSO = re.compile(r"[”\"’』」》]*(?:、|或|和|及|,|，)(?:简称)?[“\"‘『「《]*")
_JOINED = re.compile(r"(?:[”\"’』」》)）]*)(?:与|和|同|及|跟|、|——|—|携手|牵手|联合|联手|一道|对口帮扶|托管)")


def definitions(text: str, mentions: Sequence[Entity]) -> Iterator[tuple[Entity, Entity]]:
    """Pairs of neighbouring mentions of which the text calls the second a name of the first: 甲(以下简称乙、丙), 甲(乙)."""
    defined: Entity | None = None
    for left, right in itertools.pairwise(mentions):
        gap = text[left.char_end : right.char_start]
        alike = left.label == right.label and len(gap) <= _MAX_GAP
        if not alike:
            defined = None
            continue
        between = _clean(text, left.char_end, right.char_start) if _HINT.search(gap) or defined else ""
        if defined and _AND_ALSO.fullmatch(between):
            yield defined, right
        elif _DEFINES.fullmatch(between):
            defined = left
            yield left, right
        elif _OPENS.fullmatch(between) and _CLOSES.match(_clean(text, right.char_end, right.char_end + 12)):
            defined = None
            yield left, right
        else:
            defined = None


def _clean(text: str, char_start: int, char_end: int) -> str:
    """The clean text behind a mention; the character before it is read too, as a gloss belongs to it."""
    return surface(text[char_start - 1 : char_end])[1:].replace(" ", "")


def is_reference(word: str, kind: str | None = None) -> bool:
    """True for a word that names nobody: 我院 (own), 该院 (back), 贵院 (addressed); of ``kind`` where one is given."""
    return any(_REFERENCES[k].fullmatch(word) for k in ([kind] if kind else _REFERENCES))


class Speakers:
    """What the words stand for that name nobody: 我院, 该院, 贵院 and a campus without its institution.

    Args:
        text: raw text.
        mentions: institutions and persons in text order.
        surfaces: clean form of each mention, by entity id.
        cluster: the cluster of a hospital or person that is named, None for any other mention.
        own: the cluster of the publisher, None where a paper or a portal publishes or nobody is known to.
    """

    def __init__(
        self, text: str, mentions: Sequence[Entity], surfaces: Mapping[str, str],
        cluster: Callable[[Entity], Cluster | None], *, own: Cluster | None,
    ) -> None:
        self.text, self.mentions, self.surfaces, self.own = text, mentions, surfaces, own
        self.clusters = [cluster(e) for e in mentions]
        self.named = [(i, c) for i, c in enumerate(self.clusters) if c is not None and mentions[i].label == HOSPITAL]
        self.own_words = [i for i, e in enumerate(mentions)
                          if e.label == HOSPITAL and is_reference(surfaces[e.id], "own")]

    def resolve(self, index: int) -> Cluster | None:
        """The cluster of the reference at a place among the mentions; None where the article does not say."""
        word = self.surfaces[self.mentions[index].id]
        if is_reference(word, "own"):
            return self.own_at(index)
        return self.back_at(index) if is_reference(word, "back") else self.addressed_at(index)

    def own_at(self, index: int) -> Cluster | None:
        """What 我院 means: the publisher, or who the page's by-line or foot names; in a paper the institution whose
        people speak, or the only one left."""
        if self.own is not None:
            return self.own
        excluded = self._partners()
        signed = {c for i, c in self.named if c not in excluded and self._signs(self.mentions[i])}
        if len(signed) == 1:
            return signed.pop()
        near = [c for i, c in self._before(index) if c not in excluded and self._same_paragraph(i, index)]
        if near and self._is_spoken(index):
            return near[-1]
        left = {c for _, c in self.named} - excluded
        return left.pop() if len(left) == 1 else None

    def back_at(self, index: int) -> Cluster | None:
        """What 该院 means: the institution named last, but for the one it is coordinated with (X与该院)."""
        partners = {c for i, c in self.named if abs(i - index) == 1 and self._joined(min(i, index), max(i, index))}
        before = [c for _, c in self._before(index) if c not in partners]
        return before[-1] if before else None

    def addressed_at(self, index: int) -> Cluster | None:
        """What 贵院 means: the other side of the person who speaks."""
        speaker = next((c for c, e in zip(self.clusters[index::-1], self.mentions[index::-1], strict=True)
                        if e.label == "PERSON"), None)
        if self.own is None or speaker is None:
            return None
        first = self.clusters.index(speaker)
        homes = sorted([*self._before(first), *((i, self.own) for i in self.own_words if i < first)])
        if not homes:
            return None
        others = [c for _, c in self._before(index) if c != self.own]
        return self.own if homes[-1][1] != self.own else others[-1] if others else None

    def campus_at(self, index: int) -> Cluster | None:
        """Whose campus it is: the publisher's, else that of the institution named last before it."""
        if self.own is not None or self.own_words:
            return self.own_at(index)
        before = self._before(index)
        return before[-1][1] if before else None

    def _signs(self, e: Entity) -> bool:
        """Whether a mention stands in the by-line, the site title or the foot of the page."""
        start = self.text.rfind("\n", 0, e.char_start) + 1
        end = self.text.find("\n", e.char_end)
        line = surface(self.text[start : end if end >= 0 else None][:_SIGNED_LINE])
        return len(line) < _SIGNED_LINE and _BY_LINE.search(line) is not None

    def _before(self, index: int) -> list[tuple[int, Cluster]]:
        return [(i, c) for i, c in self.named if i < index]

    def _same_paragraph(self, left: int, right: int) -> bool:
        return "\n" not in self.text[self.mentions[left].char_end : self.mentions[right].char_start]

    def _is_spoken(self, index: int) -> bool:
        """Whether a mention stands in a person's words: behind an open quotation mark, or behind 说 and the like."""
        start = self.mentions[index].char_start
        said = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        return said.count("“") > said.count("”") or _SAYS.search(said) is not None

    def _joined(self, left: int, right: int) -> bool:
        """Whether two neighbouring mentions are coordinated: A与B."""
        gap = self.text[self.mentions[left].char_end : self.mentions[right].char_start]
        return len(gap) <= _MAX_GAP and bool(_JOINED.fullmatch(_clean(self.text, self.mentions[left].char_end,
                                                                      self.mentions[right].char_start)))

    def _partners(self) -> set[Cluster]:
        """Institutions that the article names beside 我院: X与我院 makes X another one."""
        beside = ((i, j) for i in self.own_words for j in (i - 1, i + 1))
        return {c for i, j in beside for k, c in self.named if k == j and self._joined(min(i, j), max(i, j))}
