"""A whole report: its schema, every figure made again, forgery found, seen articles marked, runs compared, bounds held."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from data.agreement import compare as agreement
from data.article import Article, Event, read_jsonl, write_jsonl
from data.schema import Schema, restrict
from eval.compare import compare, read_evaluated
from eval.compare import main as compare_main
from eval.cost import joules, read_energy
from eval.counts import Counts
from eval.evaluate import RunFacts, evaluate_run, learning_curve
from eval.evaluate import main as evaluate_main
from eval.gates import check_gates, junit, markdown, parse_gates
from eval.history import last_run
from eval.human import PASSES, human_yardstick
from eval.overlap import material_of_run, seen_ids
from eval.significance import paired_difference
from eval.trackers import history, scalars
from eval.verify import differences
from eval.verify import main as verify_main
from models.document import Predictor

LENGTH = 120
LOG = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 1.0}, {"step": 2, "eval_entity_f1": 0.5, "eval_runtime": 9.0}]


def cut(article: Article) -> Article:
    """The beginning of a gold article: an untrained model joins almost everything, so a little text is plenty."""
    kept = {e.id: e for e in article.entities if e.char_end <= LENGTH}
    return replace(article, text=article.text[:LENGTH], entities=tuple(kept.values()), clusters=(),
                   events=tuple(replace(v, evidence=()) for v in article.events),
                   relations=tuple(r for r in article.relations if r.head in kept and r.tail in kept))


@pytest.fixture(scope="module")
def gold(seeds: list[Article], hospital: Schema) -> list[Article]:
    return [cut(restrict(a, hospital)) for a in seeds[:4]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, predictor: Predictor, gold: list[Article]) -> Path:
    """A report whose first article was trained on and whose second chose the thresholds."""
    report = tmp_path_factory.mktemp("reports") / "one"
    facts = RunFacts(command="python -m eval.evaluate", config={"seed": 13, "optimiser": {"epochs": 2}}, train=gold[:1],
                     dev=gold[1:2], cost={"train_seconds": 1.0, "log": LOG})
    evaluate_run(predictor, gold, facts, report)
    return report


@pytest.fixture
def report(made: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(made, tmp_path / "one"))


def record_of(report: Path) -> dict[str, Any]:
    return dict(json.loads((report / "metrics.json").read_text(encoding="utf-8")))


def test_metrics_follow_their_schema(made: Path) -> None:
    schema = json.loads(Path("eval/metrics_schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    record = record_of(made)
    assert [e.message for e in Draft202012Validator(schema).iter_errors(record)] == []
    # Every section stands in the schema, so that no page meets one that is explained nowhere.
    assert set(record) <= {*schema["properties"], "schema_definition", "model"}
    assert list(Draft202012Validator(schema).iter_errors({**record, "version": 1}))


def test_every_figure_is_made_again(made: Path, call: Callable[..., Any]) -> None:
    said = call(verify_main, made)
    assert said.code == 0 and "every figure holds" in said.out and "coverage" in said.out


PLACES = (
    ("entities", "micro", "f1"), ("relations", "by_name", "HOLDS_ROLE", "interval"), ("calibration", "pairs", "ece"),
    ("slices", "length", "short", "entities", "support"), ("baselines", "rules", "entities", "f1"),
    ("relations_on_gold_entities", "micro", "f1"), ("categories", "overall", "partial", "partial"),
    ("events", "full_record", "support"), ("human", "entities", "f1"), ("errors", "causes"))


def test_changed_figures_are_found(report: Path, call: Callable[..., Any]) -> None:
    record = record_of(report)
    for *path, last in PLACES:
        part = record
        for key in path:
            part = part[key]
        part[last] = [] if isinstance(part[last], list) else part[last] + 0.001
    (report / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    said = call(verify_main, report)
    assert said.code == 1 and f"{len(PLACES)} differences" in said.out
    assert not [place for place in PLACES if f"{'.'.join(place)}" not in said.out]


def test_a_changed_file_an_added_section_and_a_missing_file_are_found(report: Path, call: Callable[..., Any]) -> None:
    predicted = read_jsonl(report / "predictions.jsonl")
    write_jsonl(report / "predictions.jsonl", [replace(predicted[0], relations=(), entities=()), *predicted[1:]])
    record = record_of(report) | {"fame": 1.0}
    (report / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    said = call(verify_main, report)
    assert said.code == 1 and "differences" in said.out
    from eval.verify import verify
    faults = verify(report)[0]
    assert any(f.startswith("provenance.predictions_sha256") for f in faults) and any(f.startswith("fame") for f in faults)
    (report / "candidates.jsonl").unlink()
    said = call(verify_main, report)
    assert said.code == 1 and "candidates.jsonl" in said.err


def test_reports_of_older_versions_and_no_reports_are_refused(tmp_path: Path, call: Callable[..., Any]) -> None:
    assert "no metrics.json" in call(verify_main, tmp_path).err
    (tmp_path / "metrics.json").write_text('{"version": 1}', encoding="utf-8")
    assert "older version" in call(verify_main, tmp_path).err
    (tmp_path / "metrics.json").write_text("{", encoding="utf-8")
    assert "no valid JSON" in call(verify_main, tmp_path).err


def test_differences_of_numbers_kinds_and_lengths() -> None:
    assert list(differences({"a": 1.0, "b": [1]}, {"a": 1.0 + 1e-12, "b": [1]})) == []
    assert len(list(differences({"a": 1, "c": 0}, {"a": True, "b": 0}))) == 3
    assert list(differences([1], [1, 2])) and list(differences(None, 0))


# Seen articles


def test_seen_and_tuned_articles_are_marked_everywhere(made: Path, gold: list[Article]) -> None:
    record = record_of(made)
    assert record["seen_in_training"] == [gold[0].id] and record["seen_in_tuning"] == [gold[1].id]
    assert record["slices"]["training"]["seen"]["ids"] == [gold[0].id]
    assert record["unseen"]["articles"] == 3
    text = (made / "summary.md").read_text(encoding="utf-8")
    assert "1 of 4 articles were seen in training" in text and "thresholds were chosen on 1 of 4" in text
    assert "seen in training" in (made / "junit.xml").read_text(encoding="utf-8")


def test_a_training_article_in_other_clothes_is_still_seen() -> None:
    train = [Article(id="x", text="甲市医院与乙县医院签署协议。\n院长出席。")]
    gold = [Article(id="glossed", text="甲市醫(yī)院與乙縣醫(yī)院簽署協(xié)議。\n\n院長出席。"),
            Article(id="spaced", text="甲市医院 与乙县医院签署协议。院长出席。"), Article(id="x", text="甲市医院来访。")]
    assert seen_ids(gold, train) == ["glossed", "spaced"]


def test_what_cannot_be_known_is_said(tmp_path: Path, run_folder: Path, gold: list[Article], call: Callable[..., Any]) -> None:
    """A run folder without run.yaml: no article may pass for unseen."""
    write_jsonl(tmp_path / "gold.jsonl", gold[:1])
    said = call(evaluate_main, "--model", run_folder, "--data", tmp_path / "gold.jsonl", "--report", tmp_path / "r",
                "--fail-under", "entity_f1=0.99", "--fail-under", "relation_recall=0")
    record = record_of(tmp_path / "r")
    assert record["training_known"] is False and set(record["slices"]["training"]) == {"unknown"}
    assert "seen articles are not marked" in said.out
    assert said.code == 1 and "FAIL: entity_f1" in said.out and "pass: relation_recall" in said.out
    suite = ElementTree.parse(tmp_path / "r" / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert call(verify_main, tmp_path / "r").code == 0


@pytest.mark.parametrize("text", ["data: {train: [nowhere.jsonl], exclude: []}", "data: [", "name: x"])
def test_material_that_cannot_be_read_is_not_taken_for_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(text, encoding="utf-8")
    material = material_of_run(tmp_path)
    assert not material.known and material.notes


# Bounds


def test_bounds_leave_seen_articles_out(made: Path) -> None:
    record = record_of(made)
    results = {r.name: r for r in check_gates(parse_gates(["entity_f1=0", "HOSPITAL_f1=0", "event_record_f1=.1"]), record)}
    assert results["entity_f1"].value == record["unseen"]["entities"]["f1"] and results["entity_f1"].passed
    assert not results["HOSPITAL_f1"].passed and "holds them" in results["HOSPITAL_f1"].note
    every = record | {"seen_in_training": ["a"] * 4, "unseen": None}
    assert [r.value for r in check_gates(parse_gates(["entity_f1=0"]), every)] == [None]
    clean = record | {"seen_in_training": []}
    assert check_gates(parse_gates(["HOSPITAL_recall=0"]), clean)[0].value == record["entities"]["by_name"]["HOSPITAL"]["recall"]


@pytest.mark.parametrize("option", ["entity_f1", "entity_f1=high", "entity_f1=1.5", "entity_f1=-0.1", "fame_f1=0.5"])
def test_wrong_bounds_are_usage_errors(option: str, run_folder: Path, tmp_path: Path, call: Callable[..., Any]) -> None:
    said = call(evaluate_main, "--model", run_folder, "--data", "data/gold/seeds.jsonl", "--report", tmp_path / "r",
                "--fail-under", option)
    assert said.code == 2 and "--fail-under" in said.err and not (tmp_path / "r").exists()


def test_summaries_hold_odd_names(made: Path) -> None:
    record = record_of(made) | {"model": "<a>|\x01&\n"}
    suite = ElementTree.fromstring(junit(record, []).encode())[0]
    assert suite.get("name") == "evaluation of <a>|\ufffd&\n"
    assert "<a>\\|" in markdown(record, [])


# The last run, the yardstick, cost, trackers


def test_the_last_run_is_the_newest_other_one_of_the_same_gold(tmp_path: Path) -> None:
    line = {"micro": {"f1": 0.5}}

    def store(name: str, gold: str, predictions: str, finished: str, **more: Any) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(
            {"entities": line, "relations": line, "events": {"parties": {"f1": 0.1}}, "model": name, **more,
             "provenance": {"gold_sha256": gold, "predictions_sha256": predictions, "finished": finished}}), encoding="utf-8")

    def find(predictions: str = "p9") -> str | None:
        found = last_run(tmp_path / "new", gold_sha256="g", predictions_sha256=predictions)
        return found["report"] if found else None

    assert find() is None
    store("old", "g", "p1", "2024-01-01T00:00:00+00:00")
    store("newer", "g", "p2", "2024-02-01T00:00:00+00:00", last_run={"report": "long ago", "finished": "2023-01-01"})
    store("other gold", "h", "p3", "2024-03-01T00:00:00+00:00")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "metrics.json").write_text("{", encoding="utf-8")
    assert find() == "newer"
    assert find("p2") == "old"  # the same predictions are the same run
    shutil.rmtree(tmp_path / "old")
    assert find("p2") == "long ago"


def test_the_yardstick_is_the_agreement_of_the_passes(hospital: Schema, tmp_path: Path) -> None:
    found = human_yardstick(hospital)
    assert found is not None and found["articles"] == 5
    assert found["entities"]["f1"] == 1.0 and 0.98 < found["relations"]["f1"] < 1.0
    said = {r.name: r for r in agreement(*([restrict(a, hospital) for a in read_jsonl(path)] for path in PASSES), hospital)}
    assert found["relations"]["f1"] == pytest.approx(said["all relations"].f1)
    assert found["by_name"]["SIGNED_WITH"]["f1"] == pytest.approx(said["SIGNED_WITH"].f1)
    assert human_yardstick(hospital, (tmp_path / "a.jsonl", tmp_path / "b.jsonl")) is None


def test_energy_counters_are_read_and_may_wrap(tmp_path: Path) -> None:
    for name, value in (("intel-rapl:0", "900"), ("intel-rapl:1", "5"), ("intel-rapl:0:0", "7")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(value + "\n", encoding="ascii")
        (tmp_path / name / "max_energy_range_uj").write_text("999\n", encoding="ascii")
    (tmp_path / "intel-rapl:2").mkdir()
    assert read_energy(tmp_path) == {"intel-rapl:0": (900, 999), "intel-rapl:1": (5, 999)}
    assert joules({"z": (0, 10**9)}, {"z": (2_500_000, 10**9)}) == 2.5
    assert joules({"z": (999_999_990, 999_999_999)}, {"z": (499_990, 999_999_999)}) == 0.5
    assert joules({}, {}) is None and read_energy(tmp_path / "nowhere") == {}


def test_trackers_get_the_figures_and_the_learning_curve(made: Path, tmp_path: Path) -> None:
    record = record_of(made)
    assert record["learning_curve"] == learning_curve(LOG) == {
        "scores": [{"step": 2, "entity_f1": 0.5}], "loss": [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 1.0}]}
    assert list(history(record)) == [(1, {"train/loss": 3.0}), (2, {"dev/entity_f1": 0.5, "train/loss": 1.0})]
    assert scalars(record)["entities/f1"] == record["entities"]["micro"]["f1"]
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from eval.trackers import track
    track(record, tmp_path, ["tensorboard"])
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(s.step, s.value) for s in events.Scalars("train/loss")] == [(1, 3.0), (2, 1.0)]
    assert events.Scalars("entities/f1")[0].value == pytest.approx(record["entities"]["micro"]["f1"])


@pytest.mark.parametrize(("tracker", "said"), [("fame", "no such tracker"), ("mlflow", "pip install")])
def test_trackers_that_are_not_there_are_usage_errors(
    tracker: str, said: str, tmp_path: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.trackers.find_spec", lambda name: None)
    found = call(evaluate_main, "--model", tmp_path, "--data", "x.jsonl", "--report", tmp_path / "r", "--track", tracker)
    assert found.code == 2 and said in found.err


# Runs side by side


def test_a_paired_difference_by_hand() -> None:
    same = [Counts(3, 1, 1), Counts(1, 1, 1), Counts(0, 2, 2)]
    none = paired_difference(same, same)
    assert (none.difference, none.low, none.high, none.p_value) == (0.0, 0.0, 0.0, 1.0)
    # Better on every one of many articles: no draw says otherwise.
    better = paired_difference([Counts(5, 5, 5)] * 30, [Counts(9, 1, 1)] * 30)
    assert better.difference == pytest.approx(0.4) and better.low == pytest.approx(0.4) and better.is_significant
    # Better on one article only: the draws that miss it show no difference.
    lucky = paired_difference([Counts(5, 5, 5)] * 10, [Counts(6, 4, 4)] + [Counts(5, 5, 5)] * 9)
    assert lucky.difference > 0 and lucky.low == 0.0 and not lucky.is_significant
    back = paired_difference([Counts(9, 1, 1)] * 30, [Counts(5, 5, 5)] * 30)
    assert back.difference == pytest.approx(-0.4) and back.p_value == better.p_value
    with pytest.raises(ValueError, match="same articles"):
        paired_difference(same, same[:1])


@pytest.fixture
def two(report: Path, tmp_path: Path, gold: list[Article]) -> tuple[Path, Path]:
    """A report, and one whose predictions are gold but for one article, where they are empty and speak of <b>."""
    better = Path(shutil.copytree(report, tmp_path / "two"))
    odd = replace(gold[0], entities=(), relations=(), events=(Event(parties=("<b>甲</b>",), date="2024"),))
    write_jsonl(better / "predictions.jsonl", [odd, *gold[1:]])
    record = record_of(better)
    record["provenance"]["config"]["optimiser"]["epochs"] = "<i>3</i>"
    (better / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    return report, better


def test_runs_side_by_side(two: tuple[Path, Path], tmp_path: Path, call: Callable[..., Any], gold: list[Article]) -> None:
    said = call(compare_main, *two, "--output", tmp_path / "out.html", "--examples", "2")
    assert said.code == 0 and "4 shared articles" in said.out and "optimiser.epochs: 2 -> <i>3</i>" in said.out
    comparison = compare(*(read_evaluated(p) for p in two))
    assert comparison.rows["entities"].difference > 0
    right = {(e.char_start, e.char_end, e.label) for e in gold[1].entities}
    already = {(e.char_start, e.char_end, e.label) for e in comparison.first.predicted[gold[1].id].entities}
    found = [c for c in comparison.won if c.article == gold[1].id and c.part == "entities" and c.kind == "found"]
    assert len(found) == len(right - already) > 0
    assert any(c.kind == "newly made up" and c.part == "events" for c in comparison.lost)
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;甲&lt;/b&gt;" in page and "<b>甲" not in page and "<i>3" not in page and "http" not in page


def test_runs_are_found_by_name_and_must_share_gold(
    two: tuple[Path, Path], tmp_path: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.compare.REPORTS", tmp_path)
    assert call(compare_main, "runs/one", "runs/two").code == 0
    assert call(compare_main, "runs/one").code == 2
    assert "no report of this run" in call(compare_main, "runs/one", "runs/none").err
    gold = read_jsonl(two[1] / "gold.jsonl")
    write_jsonl(two[1] / "gold.jsonl", [gold[0], *(replace(a, events=(Event(parties=("甲",)),)) for a in gold[1:])])
    assert "1 shared articles" in call(compare_main, *two).out
    write_jsonl(two[1] / "gold.jsonl", [replace(a, id=a.id + "x") for a in gold])
    assert "shares no gold article" in call(compare_main, *two).err


def test_lists_of_identical_runs_are_empty(report: Path) -> None:
    run = read_evaluated(report)
    comparison = compare(run, run)
    assert not comparison.won and not comparison.lost and not comparison.settings
