"""The benchmark: files found, runs resumed and keyed by what decides them, one table beside the published figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import training.bench as bench_module
from data.article import read_jsonl
from data.errors import DataError, ModelError, UsageError
from data.formats.registry import FORMATS
from data.schema import load_schema
from training.bench import main
from training.bench_data import BenchConfig, discover, parse_bench, prepare
from training.bench_jobs import Job, make_jobs
from training.bench_table import published_figures, summarise, table
from training.config import parse_config, read_record

CONFIGS = sorted(p for p in Path("configs/bench").glob("*.yaml") if p.stem not in ("base", "published"))
PEOPLE, PLACES = ("林强", "高山", "何平", "周立", "吴桐", "郑和平"), ("城东医院", "滨江医院", "南山医院", "北湖医院")


def sentences(first: int, count: int) -> str:
    """CLUENER lines that a tiny model can learn."""
    records = []
    for i in range(first, first + count):
        person, place = PEOPLE[i % len(PEOPLE)], PLACES[i % len(PLACES)]
        text = f"记者见到{person}在{place}"
        records.append({"text": text, "label": {"name": {person: [[4, 3 + len(person)]]},
                                                "organization": {place: [[5 + len(person), 4 + len(person) + len(place)]]}}})
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)


@pytest.fixture
def cluener(tmp_path: Path) -> Path:
    folder = tmp_path / "cluener"
    folder.mkdir()
    (folder / "train.json").write_text(sentences(0, 48) + "oops\n", encoding="utf-8")
    (folder / "dev.json").write_text(sentences(100, 12), encoding="utf-8")
    (folder / "test.json").write_text(json.dumps({"id": 0, "text": "没有标注"}) + "\n" + sentences(200, 1), encoding="utf-8")
    return folder


BENCH = BenchConfig(format="cluener", files=["{split}.json"], score_on="dev", headline="macro")


# --- configs


def test_every_set_of_the_issue_has_a_config() -> None:
    assert {p.stem for p in CONFIGS} == {"cluener", "resume", "msra", "peoples-daily", "weibo", "duie"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_loads_and_shares_the_recipe(path: Path) -> None:
    record = read_record(path)
    bench = parse_bench(record, place=str(path))
    assert bench.format in FORMATS and record["name"] == path.stem
    del record["bench"]
    config = parse_config({**record, "data": {"train": ["x"]}})
    assert not config.hints
    assert all(value == 0 for name, value in config.augment.model_dump().items() if name != "mask_tokens")
    base = read_record("configs/bench/base.yaml")
    own = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert own["extends"] == "base.yaml" and set(own) <= {"extends", "name", "bench", "optimiser", "windows"}
    assert set(own.get("optimiser", {})) <= {"epochs", "batch_tokens"}, "one recipe for all, sizes and lengths aside"
    assert not set(own["bench"]) & set(base["bench"])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_published_figures_have_sources(path: Path) -> None:
    figures = published_figures(path.stem)
    assert figures or path.stem == "peoples-daily"
    for figure in figures:
        assert 0 < figure["f1"] < 100 and figure["source"].startswith("https://") and figure["split"] in ("dev", "test")


@pytest.mark.parametrize(("record", "said"), [
    ({}, "expected a section bench"), ({"bench": {"format": "xml", "score_on": "dev", "headline": "macro"}}, "bench.format: expected one of"),
    ({"bench": {"format": "msra", "score_on": "dev", "headline": "macro", "file": []}}, "file: unknown key; did you mean 'files'"),
    ({"bench": {"format": "msra", "score_on": "train"}}, "headline: missing")])
def test_a_wrong_bench_section(record: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_bench(record, place="my.yaml")


# --- data


@pytest.mark.parametrize(("names", "files", "found"), [
    (["{split}.json"], ["train.json", "dev.json", "test.json", "README.md"], "train.json dev.json test.json"),
    (["{split}.char.bmes"], ["train.char.bmes", "dev.char.bmes", "test.char.bmes"], "train.char.bmes dev.char.bmes test.char.bmes"),
    (["example.{split}"], ["example.train", "example.dev", "example.test"], "example.train example.dev example.test"),
    (["w2.{split}", "w.{split}"], ["w.train", "w2.train", "w.test", "w2.test"], "w2.train w2.test"),
    ([], ["msra_train_bio.txt", "msra_test_bio.txt"], "msra_train_bio.txt msra_test_bio.txt"),
    ([], ["train.tsv", "valid.tsv", "trainer.py"], "train.tsv valid.tsv")])
def test_files_are_found_by_published_name_or_by_word(tmp_path: Path, names: list[str], files: list[str], found: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    expected = found.split()
    assert [p.name for p in discover(tmp_path, names).values()] == expected
    assert [p.name for p in discover(tmp_path / expected[0], names).values()] == expected


def test_files_that_cannot_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training file among no files"):
        discover(tmp_path, [])
    (tmp_path / "a.train").touch()
    (tmp_path / "b.train").touch()
    with pytest.raises(UsageError, match=r"several files could be train: a\.train, b\.train"):
        discover(tmp_path, [])
    with pytest.raises(UsageError, match="no such file or folder"):
        discover(tmp_path / "none", [])


def test_a_set_is_converted_with_its_schema(tmp_path: Path, cluener: Path) -> None:
    data = prepare(BENCH, cluener, tmp_path / "out", name="tiny")
    assert len(read_jsonl(data.train)) == 48 and len(read_jsonl(data.scored)) == 12
    schema = load_schema(data.schema)
    assert (schema.name, schema.labels, schema.relations) == ("tiny", ("name", "organization"), ())
    assert (data.split, data.tune, data.lost_triples) == ("dev", None, 0)
    assert any(f"{cluener / 'train.json'}: line 49: no valid JSON" in n for n in data.notes)


def test_a_label_only_dev_has_still_counts(tmp_path: Path, cluener: Path) -> None:
    (cluener / "dev.json").write_text(json.dumps({"text": "山路", "label": {"book": {"山路": [[0, 1]]}}}), encoding="utf-8")
    assert "book" in load_schema(prepare(BENCH, cluener, tmp_path / "out", name="tiny").schema).labels


def test_relations_and_their_ends_come_from_the_data(tmp_path: Path) -> None:
    spo = {"predicate": "作者", "subject": "山路", "subject_type": "作品", "object": "林强", "object_type": "人物"}
    for split, extra in (("train", "无名"), ("dev", "高山")):
        record = {"text": "山路由林强写", "spo_list": [spo, {**spo, "object": extra}]}
        (tmp_path / f"duie_{split}.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    data = prepare(BenchConfig(format="duie", score_on="dev", headline="triples"), tmp_path, tmp_path / "out", name="duie")
    [relation] = load_schema(data.schema).relations
    assert (relation.name, relation.head, relation.tail) == ("作者", {"作品"}, {"人物"})
    assert data.lost_triples == 1, "gold of dev that no span expresses counts as missed"


def test_a_missing_split_is_replaced_and_said(tmp_path: Path, cluener: Path) -> None:
    (cluener / "test.json").unlink()
    on_test = BENCH.model_copy(update={"score_on": "test"})
    data = prepare(on_test, cluener, tmp_path / "out", name="tiny")
    assert data.split == "dev" and any("there is no test file; scored on dev" in n for n in data.notes)
    (cluener / "dev.json").unlink()
    data = prepare(BENCH, cluener, tmp_path / "out2", name="tiny")
    train, scored = read_jsonl(data.train), read_jsonl(data.scored)
    assert (len(train), len(scored)) == (43, 5) and not {a.id for a in train} & {a.id for a in scored}
    again = prepare(BENCH, cluener, tmp_path / "out3", name="tiny")
    assert "held-out tenth" in data.split and read_jsonl(again.scored) == scored


def test_a_set_without_annotation(tmp_path: Path, cluener: Path) -> None:
    (cluener / "dev.json").write_text(json.dumps({"text": "没有", "label": {}}), encoding="utf-8")
    with pytest.raises(DataError, match="nothing is annotated in dev"):
        prepare(BENCH, cluener, tmp_path / "out", name="tiny")
    (cluener / "dev.json").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="no article could be read as cluener"):
        prepare(BENCH, cluener, tmp_path / "out", name="tiny")


# --- jobs


@pytest.fixture
def jobs(tmp_path: Path, cluener: Path, tiny_encoder: Path) -> Callable[..., list[Job]]:
    def build(bench: BenchConfig = BENCH, seeds: tuple[int, ...] = (1,), encoder: Path = tiny_encoder, **recipe: Any) -> list[Job]:
        data = prepare(bench, cluener, tmp_path / "out", name="tiny")
        return make_jobs({"name": "tiny", "hints": False, **recipe}, bench, data, ["random", str(encoder)], list(seeds), place="x")

    return build


def test_what_decides_a_result_decides_its_key(jobs: Callable[..., list[Job]], tmp_path: Path, tiny_encoder: Path, cluener: Path) -> None:
    first = jobs(seeds=(1, 2))
    assert [(j.encoder, j.seed) for j in first] == [("random", 1), (str(tiny_encoder), 1), ("random", 2), (str(tiny_encoder), 2)]
    assert len({j.fingerprint for j in first}) == len({j.config.run_folder for j in first}) == 4
    assert [j.fingerprint for j in jobs(seeds=(1, 2))] == [j.fingerprint for j in first]
    copy = tmp_path / "copy"
    shutil.copytree(tiny_encoder, copy)
    before = jobs(encoder=copy)[1].fingerprint
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert jobs(encoder=copy)[1].fingerprint != before
    assert {j.fingerprint for j in jobs(optimiser={"epochs": 3})}.isdisjoint({j.fingerprint for j in first})
    (cluener / "train.json").write_text(sentences(1, 48), encoding="utf-8")
    assert {j.fingerprint for j in jobs()}.isdisjoint({j.fingerprint for j in first})


def test_wide_encoders_get_their_own_rates(jobs: Callable[..., list[Job]]) -> None:
    wide = {"optimiser": {"learning_rate": 3e-5}}
    narrow, embedded = jobs(BENCH.model_copy(update={"wide_from": 64, "wide": wide}))[1], jobs(BENCH.model_copy(update={"wide_from": 16, "wide": wide}))[1]
    assert narrow.config.optimiser.learning_rate == 1e-3 and embedded.config.optimiser.learning_rate == 3e-5


def test_an_encoder_that_is_not_there_costs_no_training(jobs: Callable[..., list[Job]], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no encoder can be had"):
        jobs(encoder=tmp_path / "none")


# --- table


def result(encoder: str, seed: int, macro: float, **more: float) -> dict[str, Any]:
    return {"encoder": encoder, "seed": seed, "scores": {"macro": macro, "micro": macro + 0.02, "by_label": {"name": macro}, **more},
            "cost": {"parameters": 5_500_000, "train_seconds": 150.0}}


def test_mean_and_spread_over_seeds() -> None:
    rows = summarise([result("random", 1, 0.60), result("small", 1, 0.70), result("random", 2, 0.64)], "macro")
    assert [r["encoder"] for r in rows] == ["random", "small"]
    assert rows[0]["macro"]["mean"] == pytest.approx(62.0) and rows[0]["macro"]["spread"] == pytest.approx(2.828, abs=1e-3)
    assert rows[1]["macro"]["spread"] == 0.0 and rows[0]["by_label"]["name"] == pytest.approx(62.0)
    text = table("cluener", "dev", "macro", rows, published_figures("cluener"))
    assert "| random | 62.00 ± 2.83 | 64.00 ± 2.83 | 2 | 5.5 M | 2.5 min | this run |" in text
    assert "| BERT-base | 78.82 |  |  |  |  | https://arxiv.org/abs/2001.04351 |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_a_table_of_triples_and_of_another_split() -> None:
    rows = summarise([result("random", 1, 0.60, triples=0.5)], "triples")
    text = table("duie", "test", "triples", rows, published_figures("duie"))
    assert "| duie, test | triple F1 | entity micro F1 |" in text and "| random | 50.00 ± 0.00 | 62.00 ± 0.00 |" in text
    assert "GPLinker (DuIE 1.0) (dev)" in text
    assert "No published figure" in table("peoples-daily", "test", "micro", [], published_figures("peoples-daily"))


# --- the command


@pytest.fixture
def bench(tmp_path: Path, cluener: Path, tiny_encoder: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command on the tiny set and encoder; ``random`` draws the tiny encoder's weights anew."""
    for module in ("training.bench", "training.bench_jobs"):
        monkeypatch.setattr(f"{module}.DEFAULT_FOLDER", tiny_encoder)

    def run(*more: str, encoders: tuple[str, ...] = ("random",)) -> Any:
        settings = [f"runs={tmp_path / 'runs'}", "threads=1", "optimiser.epochs=12", "optimiser.batch_tokens=128", "optimiser.precision=fp32",
                    "optimiser.learning_rate=0.01", "optimiser.head_learning_rate=0.01", "save_every=20"]
        return call(main, "--config", "configs/bench/cluener.yaml", "--data", cluener, "--out", tmp_path / "out", "--encoders", *encoders,
                    *(part for s in settings for part in ("--set", s)), *more)

    return run


@pytest.mark.slow
def test_the_command_learns_scores_resumes_and_tells(tmp_path: Path, bench: Callable[..., Any], tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoders = ("random", str(tiny_encoder))
    real, calls = bench_module.run_job, list[str]()

    def killed_at_the_second(job: Job, *rest: Any, **more: Any) -> dict[str, Any]:
        calls.append(job.key)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(job, *rest, **more)

    monkeypatch.setattr(bench_module, "run_job", killed_at_the_second)
    assert bench("--seeds", "1", encoders=encoders).code == 130
    assert len(list((tmp_path / "out/runs").iterdir())) == 1
    said = bench("--seeds", "1", encoders=encoders)
    assert said.code == 0, said.err
    assert len(calls) == 3 and "random, seed 1: macro F1" in said.out and "(already scored)" in said.out
    rows = json.loads((tmp_path / "out/results.json").read_text(encoding="utf-8"))["rows"]
    assert [r["encoder"] for r in rows] == list(encoders) and rows[0]["macro"]["mean"] > 60
    text = (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert text.strip() in said.out and "| cluener, dev | macro F1 | micro F1 |" in text and "| BERT-base | 78.82 |" in text
    assert "line 49: no valid JSON" in said.err
    assert not list((tmp_path / "runs").rglob("*.safetensors")), "checkpoints and models go when the scores are there"
    calls.append("so that none is killed")
    assert bench("--seeds", "1", "--fresh", "--keep-models").code == 0
    [model] = (tmp_path / "runs").rglob("model.safetensors")
    from models.run_folder import load_predictor

    gold = read_jsonl(tmp_path / "out/data/dev.jsonl")
    found = list(load_predictor(model.parent).predict(gold))
    assert sum({e.text for e in g.entities} == {e.text for e in p.entities} for g, p in zip(gold, found, strict=True)) >= 6


@pytest.mark.slow
def test_variants_are_rows_of_one_table_and_share_what_is_scored(tmp_path: Path, bench: Callable[..., Any]) -> None:
    short = ("--seeds", "1", "--set", "optimiser.epochs=1")
    assert bench(*short).code == 0
    sweep = tmp_path / "s.yaml"
    sweep.write_text("name: s\nconfig: c\nscore: {d: g}\nrows: {as it is: [], averaged: [regularise.weight_average=0.3]}\n", encoding="utf-8")
    said = bench(*short, "--variants", str(sweep))
    assert said.code == 0, said.err
    assert "random, as it is, seed 1: macro F1" in said.out and said.out.count("(already scored)") == 1
    text = (tmp_path / "out/table.md").read_text(encoding="utf-8")
    assert "| random, as it is |" in text and "| random, averaged |" in text
    configs = [json.loads(p.read_text(encoding="utf-8"))["config"] for p in (tmp_path / "out/runs").iterdir()]
    assert sorted(c["regularise"]["weight_average"] for c in configs) == [0.3, 0.998]


@pytest.mark.slow
def test_triples_are_scored_on_strings(tmp_path: Path, tiny_encoder: Path, call: Callable[..., Any]) -> None:
    for split, count in (("train", 6), ("dev", 3)):
        records = [{"text": f"{w}由{p}写", "spo_list": [{"predicate": "作者", "subject": w, "subject_type": "作品", "object": p, "object_type": "人物"}]}
                   for w, p in zip(("山路", "江水", "明月") * 2, PEOPLE, strict=True)][:count]
        (tmp_path / f"duie_{split}.json").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    said = call(main, "--config", "configs/bench/duie.yaml", "--data", tmp_path, "--out", tmp_path / "out", "--encoders", tiny_encoder,
                "--seeds", "1", *(p for s in (f"runs={tmp_path / 'runs'}", "threads=1", "optimiser.epochs=1", "optimiser.precision=fp32") for p in ("--set", s)))
    assert said.code == 0, said.err
    assert "| duie, dev | triple F1 |" in said.out and "GPLinker" in said.out


@pytest.mark.parametrize(("more", "code", "parts"), [
    (["--set", "optimiser.epoch=1"], 2, ["optimiser.epoch: unknown key; did you mean 'epochs'?"]),
    (["--set", "bench.format=xml"], 2, ["bench.format: expected one of"]), (["--set", "name=../x"], 2, ["name: "]),
    (["--variants", "no.yaml"], 2, ["no such sweep file"]),
    (["--data", "no/such/folder"], 2, ["no/such/folder", "no such file or folder"]), (["--config", "configs/default.yaml"], 2, ["expected a section bench"])])
def test_wrong_calls(tmp_path: Path, bench: Callable[..., Any], more: list[str], code: int, parts: list[str]) -> None:
    said = bench(*more)
    assert said.code == code and said.err.count("error: ") == 1 and "repair: " in said.err and "Traceback" not in said.err
    assert all(p in said.err for p in parts), said.err
    assert not (tmp_path / "runs").exists()


def test_an_unknown_encoder_ends_it_before_any_training(tmp_path: Path, bench: Callable[..., Any]) -> None:
    said = bench(encoders=("random", "no/such-encoder-folder/anywhere"))
    assert said.code == 1 and "no encoder can be had under this name" in said.err and not (tmp_path / "out/runs").exists()
