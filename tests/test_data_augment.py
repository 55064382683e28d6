"""Augmented articles keep the contract, and what they say stays true."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from data.article import Article, Entity
from data.augment import CHANGES, Augmenter
from data.clean import surface
from data.edits import Edit, apply_edits
from data.layout import change_list, shuffle_paragraphs
from data.markup import read_marked
from data.noise import add_noise, change_spacing, traditional
from data.schema import load_schema, restrict
from data.sources import read_split
from data.substitute import SELF_REFERENCES, collect_pools
from data.titles import change_titles
from data.validate import validate_articles
from training.config import AugmentConfig

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "data" / "corpus"
PARTIES = load_schema(ROOT / "configs" / "schema" / "parties.yaml")
HOSPITAL = load_schema(ROOT / "configs" / "schema" / "hospital.yaml")
ALWAYS = dict.fromkeys(CHANGES, 1.0)
NEVER = dict.fromkeys(ALWAYS, 0.0)

MARKED = """@article t-1
@published 2024-11-08
@publisher 沂南县人民医院
@alias 临沂市中心医院 = 市中心医院
@alias 沂南县人民医院 = 我院 = 县医院
@alias 王建国 = 王
@event 临沂市中心医院 + 沂南县人民医院 | date 2024-11-08 | agreement 战略合作协议 | kind 战略合作 | status signed
@text
{H1:我院}与{H2:临沂市中心医院}签署战略合作协议
> H1 + H2
{D1:11月8日}，{H1:沂南县人民医院}与{H2:临沂市中心医院}签约。{H3:市中心医院}{R1:党委书记}、{R2:院长}{P1:王建国}，{R3:副院长}{P2:李丽}参加。
> H1 + H2; H1 H2 on D1; P1 = R1 R2; P1 @ H3; P2 = R3; P2 @ H3
{P1:王}{R1:院长}说，{H1:县医院}的病人从此少跑路；{D1:11月8日}起专家每周来。{H2:临沂市中心医院黄山院区}也将接收转诊，床位统一调配。
> P1 = R1
本次合作为期三年，双方将在学科建设、人才培养、科研协作等方面深入开展合作，让群众在家门口看上好病，少花钱，少跑路。
@end
"""


@cache
def corpus() -> tuple[Article, ...]:
    return tuple(m.article for p in sorted(CORPUS.glob("*.txt")) for m in read_marked(p, surface=surface))


@cache
def train() -> tuple[Article, ...]:
    in_train = read_split(CORPUS, "train")
    return tuple(a for a in corpus() if in_train(a.id))


@pytest.fixture
def article(tmp_path: Path) -> Article:
    path = tmp_path / "a.txt"
    path.write_text(MARKED, encoding="utf-8")
    return read_marked(path, surface=surface)[0].article


def labels(article: Article) -> dict[str, Entity]:
    return {e.id: e for e in article.entities}


@pytest.mark.parametrize("schema", [PARTIES, HOSPITAL], ids=lambda s: s.name)
@pytest.mark.parametrize("change", ["all", *ALWAYS])
def test_every_change_keeps_articles_valid(schema, change) -> None:
    articles = [restrict(a, schema) for a in train()[::3]]
    aug = Augmenter.from_articles(articles, ALWAYS if change == "all" else NEVER | {change: 1.0})
    for seed in range(3):
        changed = [aug(a, random.Random(f"{seed}/{a.id}")) for a in articles]
        assert validate_articles(changed, schema) == []
        for a in changed:
            assert [e.char_start for e in a.entities] == sorted(e.char_start for e in a.entities)
            clustered = [i for c in a.clusters for i in c]
            assert len(clustered) == len(set(clustered))
            # A span never starts or ends with white space or a gloss's bracket.
            assert all(e.text == e.text.strip() and e.text[0] not in "，。、" for e in a.entities)


def test_the_result_depends_on_article_and_generator_alone() -> None:
    aug = Augmenter.from_articles(train(), ALWAYS)
    for a in train()[:40]:
        before = a
        assert aug(a, random.Random(a.id)) == aug(a, random.Random(a.id))
        assert a == before
    assert len({aug(train()[0], random.Random(i)).text for i in range(20)}) == 20


def test_nothing_changes_at_probability_zero() -> None:
    aug = Augmenter.from_articles(train()[:20], NEVER)
    assert all(aug(a, random.Random(1)) is a for a in train()[:20])


def test_names_are_replaced_throughout_and_self_references_stay(article: Article) -> None:
    aug = Augmenter.from_articles([article, *train()], (NEVER | {"substitute": 1.0}))
    renamed = 0
    for seed in range(60):
        changed = aug(article, random.Random(seed))
        new = {e.id: e.text for e in changed.entities}
        by_surface: dict[tuple[str, str], set[str]] = {}
        for e in article.entities:
            if e.label != "ROLE":
                by_surface.setdefault((e.label, e.text), set()).add(new[e.id])
        assert all(len(texts) == 1 for texts in by_surface.values())
        assert by_surface["HOSPITAL", "我院"] == {"我院"}
        (full,), (campus,) = by_surface["HOSPITAL", "临沂市中心医院"], by_surface["HOSPITAL", "临沂市中心医院黄山院区"]
        (person,), (surname,) = by_surface["PERSON", "王建国"], by_surface["PERSON", "王"]
        assert campus.startswith(full)
        assert person.startswith(surname)
        assert len({new[i] for e in article.entities if e.label == "HOSPITAL" for i in [e.id]}) >= 5
        renamed += full != "临沂市中心医院"
    assert 35 < renamed < 60


def test_self_references_of_the_corpus_stay() -> None:
    aug = Augmenter.from_articles(train(), (NEVER | {"substitute": 1.0}))
    for a in train():
        new = labels(aug(a, random.Random(a.id)))
        assert all(new[e.id].text == e.text for e in a.entities if e.label == "HOSPITAL" and e.text in SELF_REFERENCES)


def test_substitution_keeps_relations_and_clusters(article: Article) -> None:
    aug = Augmenter.from_articles([article, *train()], (NEVER | {"substitute": 1.0}))
    changed = aug(article, random.Random(2))
    assert changed.relations == article.relations
    assert changed.clusters == article.clusters
    assert changed.events == ()


def test_pools_hold_names_of_the_given_articles_only() -> None:
    pools = collect_pools(train())
    known = {surface(e.text).replace(" ", "") for a in train() for e in a.entities}
    named = {n.full for group in (*pools.hospitals.values(), *pools.orgs.values()) for n in group} | set(pools.persons)
    assert named <= known
    held_out = {e.text for a in corpus() if a not in train() for e in a.entities if e.label in ("HOSPITAL", "PERSON")}
    assert not (named & (held_out - known))


def test_levels_are_kept(article: Article) -> None:
    aug = Augmenter.from_articles(train(), (NEVER | {"substitute": 1.0}))
    text = "白兔镇卫生院和山东大学第二医院"
    entities = (Entity(id="a", char_start=0, char_end=6, label="HOSPITAL", text="白兔镇卫生院"),
                Entity(id="b", char_start=7, char_end=15, label="HOSPITAL", text="山东大学第二医院"))
    for seed in range(40):
        new = labels(aug(Article(id="x", text=text, entities=entities), random.Random(seed)))
        assert any(sign in new["a"].text for sign in ("卫生院", "社区", "卫生", "医院"))
        assert "大学" in new["b"].text or "学院" in new["b"].text


def test_dropped_posts_take_their_relations_along(article: Article) -> None:
    seen = set()
    for seed in range(60):
        changed = change_titles(article, random.Random(seed))
        assert validate_articles([changed], PARTIES) == []
        seen.add(changed.text.split("\n")[1].split("。")[1])
    assert any("市中心医院院长王建国" in text for text in seen)
    assert any("院长、党委书记王建国" in text for text in seen)


def test_paragraphs_move_whole(article: Article) -> None:
    a = next(a for a in train() if shuffle_paragraphs(a, random.Random(0)).text != a.text)
    changed = shuffle_paragraphs(a, random.Random(0))
    assert sorted(changed.text.split("\n")) == sorted(a.text.split("\n"))
    assert changed.text.split("\n")[:2] == a.text.split("\n")[:2]
    assert {(e.id, e.text) for e in changed.entities} == {(e.id, e.text) for e in a.entities}
    assert len(changed.relations) == len(a.relations)


def test_lists_lose_or_gain_one_guest() -> None:
    sizes = {len(c.entities) - len(a.entities) for a in train() for c in [change_list(a, random.Random(a.id))]
             if validate_articles([c], PARTIES) == []}
    assert 2 in sizes
    assert min(sizes) < 0


def test_page_lines_follow_the_schema() -> None:
    for schema in (PARTIES, HOSPITAL):
        articles = [restrict(a, schema) for a in train()]
        aug = Augmenter.from_articles(articles, (NEVER | {"furniture": 1.0}))
        added = [(c, e) for a in articles[:80] for c in [aug(a, random.Random(a.id))]
                 for e in c.entities if e.id not in labels(a)]
        assert {e.label for _, e in added} == set(schema.labels)
        holders = [r for c, e in added for r in c.relations if r.head == e.id and r.type == "HOLDS_ROLE"]
        assert holders


GLOSSES = {"醫": "yī", "院": "yuàn"}


@pytest.mark.parametrize("change", [add_noise, change_spacing])
def test_noise_keeps_every_mention(change: Callable[[Article, random.Random], Article]) -> None:
    touched = 0
    for seed, a in enumerate(train()[:120]):
        changed = change(a, random.Random(seed))
        touched += changed.text != a.text
        assert [e.id for e in changed.entities] == [e.id for e in a.entities]
        for old, new in zip(a.entities, changed.entities, strict=True):
            # 於 before a space is converted by another rule than 於 before a name.
            assert surface(new.text).replace(" ", "") .replace("於", "于") == surface(old.text).replace(" ", "").replace("於", "于")
    assert touched > 60


def test_traditional_characters_and_glosses_keep_every_mention() -> None:
    glossed = 0
    for seed, a in enumerate(train()[:60]):
        changed = traditional(a, random.Random(seed), glosses=GLOSSES)
        assert [(e.id, e.label) for e in changed.entities] == [(e.id, e.label) for e in a.entities]
        assert validate_articles([changed], PARTIES) == []
        bare = [re.sub(r"\([a-zīà]+\)", "", e.text) for e in changed.entities]
        assert [len(text) for text in bare] == [len(e.text) for e in a.entities]
        glossed += "醫(yī)院(yuàn)" in changed.text
    assert 10 < glossed < 50


def test_every_change_has_its_key_in_the_config() -> None:
    assert set(CHANGES) == set(AugmentConfig.model_fields) - {"mask_tokens", "hide_hints"}
    with pytest.raises(ValueError, match="no change is called glitter"):
        Augmenter.from_articles(train()[:2], {"glitter": 0.5})


def test_edits_move_entities_with_their_text(article: Article) -> None:
    first = article.entities[0]
    edits = [Edit(char_start=first.char_start, char_end=first.char_start, new="☆"),
             Edit(char_start=first.char_start, char_end=first.char_end, new="本院"),
             Edit(char_start=first.char_end, char_end=first.char_end, new="○")]
    changed = apply_edits(article, edits)
    assert changed.text.startswith("☆本院○与")
    assert validate_articles([changed], PARTIES) == []
    assert changed.entities[0].text == "本院"
    assert [e.text for e in changed.entities[1:]] == [e.text for e in article.entities[1:]]
