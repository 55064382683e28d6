"""Cluster scores against the examples of the papers, worked out by hand, and the command that prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from data.article import Article, Entity
from data.sources import read_source
from eval.clusters import Tally, b_cubed, ceaf_e, main, muc, on_gold_mentions, partition, score_clusters, wrong_clusters

Groups = tuple[str, ...]


def sets(*groups: str) -> list[frozenset]:
    """``"abc", "d"`` as two clusters of mentions of one character."""
    return [frozenset(group) for group in groups]


def figures(tally: Tally) -> tuple[float, float, float]:
    return round(tally.recall, 4), round(tally.precision, 4), round(tally.f1, 4)


def test_muc_of_vilain_1995() -> None:
    assert figures(muc(sets("abcd"), sets("ab", "cd"))) == (0.6667, 1.0, 0.8)
    assert figures(muc(sets("ab", "cd"), sets("abcd"))) == (1.0, 0.6667, 0.8)
    assert figures(muc(sets("abcd"), sets("ab"))) == (0.3333, 1.0, 0.5)


BAGGA = sets("12345", "67", "89abc")


@pytest.mark.parametrize(("response", "muc_precision", "b_cubed_precision"), [
    (("12345", "6789abc"), 0.9, 0.7619),  # (5 * 1 + 2 * 2/7 + 5 * 5/7) / 12
    (("1234589abc", "67"), 0.9, 0.5833),  # (10 * 1/2 + 2 * 1) / 12
])
def test_b_cubed_tells_apart_what_muc_does_not_as_in_bagga_1998(
    response: Groups, muc_precision: float, b_cubed_precision: float
) -> None:
    assert figures(muc(BAGGA, sets(*response)))[:2] == (1.0, muc_precision)
    assert figures(b_cubed(BAGGA, sets(*response)))[:2] == (1.0, b_cubed_precision)


@pytest.mark.parametrize(("response", "recall", "precision", "f1"), [
    (("12345", "6789abc"), 0.6111, 0.9167, 0.7333),  # 1 + 10/12 over 3 and over 2
    (("1234589abc", "67"), 0.5556, 0.8333, 0.6667),  # 10/15 + 1
    (("123456789abc",), 0.1961, 0.5882, 0.2941),  # 10/17
    (tuple("123456789abc"), 0.4444, 0.1111, 0.1778),  # 2/6 + 2/3 + 2/6 over 3 and over 12
])
def test_ceaf_of_luo_2005(response: Groups, recall: float, precision: float, f1: float) -> None:
    assert figures(ceaf_e(BAGGA, sets(*response))) == (recall, precision, f1)


def test_all_three_on_the_example_of_pradhan_2014() -> None:
    key, response = sets("abc", "defg"), sets("ab", "cd", "fghi")
    assert figures(muc(key, response)) == (0.4, 0.4, 0.4)
    assert figures(b_cubed(key, response)) == (0.4167, 0.5, 0.4545)
    assert figures(ceaf_e(key, response)) == (0.65, 0.4333, 0.52)


@pytest.mark.parametrize("metric", [muc, b_cubed, ceaf_e])
def test_the_ends_of_the_scale(metric: Callable[..., Tally]) -> None:
    assert figures(metric(BAGGA, BAGGA)) == (1.0, 1.0, 1.0)
    assert figures(metric(BAGGA, [])) == (0.0, 0.0, 0.0)
    assert figures(metric([], BAGGA)) == (0.0, 0.0, 0.0)
    assert metric([], []).f1 == 1.0


def article(text: str, *clusters: tuple[int, ...], labels: str = "") -> Article:
    """Each character of ``text`` is a mention, HOSPITAL unless ``labels`` says P or O for it."""
    kinds = {"P": "PERSON", "O": "ORG", "D": "DATE"}
    entities = tuple(Entity(id=f"T{i}", char_start=i, char_end=i + 1, text=c,
                            label=kinds.get((labels or "H" * len(text))[i], "HOSPITAL")) for i, c in enumerate(text))
    return Article(id="a", text=text, entities=entities, clusters=tuple(tuple(f"T{i}" for i in c) for c in clusters))


def test_singletons_are_left_out_of_the_official_figure_and_count_beside_it() -> None:
    gold = article("甲甲乙丙", (0, 1), (2,), (3,))
    wrong = replace(gold, clusters=(("T0", "T1"), ("T2", "T3")))
    scores = score_clusters([(gold, wrong)])
    assert scores is not None
    assert (scores["both"]["clusters"], scores["both"]["mentions"]) == (1, 2)
    assert scores["both"]["muc"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3)}
    assert scores["both"]["b_cubed"]["precision"] == 0.5
    assert scores["both"]["with_singletons"]["b_cubed"]["precision"] == 0.75
    apart = score_clusters([(gold, gold)])
    assert apart is not None and apart["both"]["conll_f1"] == 1.0


def test_persons_and_institutions_are_scored_apart_and_together() -> None:
    gold = article("甲甲张张", (0, 1), (2, 3), labels="HOPP")
    scores = score_clusters([(gold, replace(gold, clusters=(("T0", "T1"), ("T2",), ("T3",))))])
    assert scores is not None
    assert scores["institutions"]["conll_f1"] == 1.0
    assert scores["persons"]["conll_f1"] == 0.0
    assert 0 < scores["both"]["conll_f1"] < 1


def test_a_mention_the_tagger_lost_costs_recall() -> None:
    gold = article("甲甲甲", (0, 1, 2))
    found = replace(gold, entities=gold.entities[:2], clusters=(("T0", "T1"),))
    scores = score_clusters([(gold, found)])
    assert scores is not None
    assert scores["both"]["muc"]["recall"] == 0.5 and scores["both"]["muc"]["precision"] == 1.0
    assert scores["both"]["b_cubed"]["recall"] == pytest.approx(4 / 9)


def test_sums_run_over_articles() -> None:
    good, bad = article("甲甲甲甲甲", (0, 1, 2, 3, 4)), article("乙乙", (0, 1))
    scores = score_clusters([(good, good), (bad, replace(bad, clusters=()))])
    assert scores is not None and scores["both"]["muc"]["recall"] == 4 / 5


def test_articles_without_gold_clusters_are_not_scored() -> None:
    bare = article("甲甲")
    assert score_clusters([(bare, bare)]) is None
    gold = article("甲甲", (0, 1))
    scores = score_clusters([(bare, bare), (gold, gold)])
    assert scores is not None and scores["articles"] == 1


def test_mentions_without_a_cluster_are_clusters_of_one() -> None:
    assert partition(article("甲乙"), frozenset({"HOSPITAL"}), singletons=True) == [
        frozenset({(0, 1, "HOSPITAL")}), frozenset({(1, 2, "HOSPITAL")})]


def test_errors_name_the_surfaces() -> None:
    gold = article("甲乙甲丙", (0, 1, 2), (3,))
    found = replace(gold, clusters=(("T0", "T2"), ("T1", "T3")))
    assert wrong_clusters(gold, found) == ["split: 甲×2 | 乙", "mixed: 乙 | 丙"]
    assert wrong_clusters(gold, gold) == []


@pytest.mark.parametrize("source", ["data/gold/seeds.jsonl", "data/corpus@dev"])
def test_gold_mentions_reach_what_is_asked(source: str) -> None:
    scores = score_clusters(on_gold_mentions(read_source(source)))
    assert scores is not None
    assert min(scores[part]["conll_f1"] for part in ("institutions", "persons", "both")) >= 0.95


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "data/gold/seeds.jsonl", "--errors"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["MUC", "B³", "CEAF-e", "CoNLL"]
    assert [line.split()[0] for line in lines[2:5]] == ["institutions", "persons", "both"]
    assert any("NetEase Hao" in line for line in lines)
