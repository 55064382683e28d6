"""Every shipped config loads; every fault of a wrong one is told at once, with its path and the nearest key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from data.errors import UsageError
from data.schema import load_schema
from training.config import TrainConfig, load_config, parse_config

SHIPPED = sorted(p for p in Path("configs").glob("*.yaml") if not p.stem.startswith(("pretrain", "active-learning")))
MINIMAL: dict[str, Any] = {"name": "x", "data": {"train": ["a.jsonl"]}}


def faults(record: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        parse_config(record, place="my.yaml")
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_there_are_the_configs_of_the_issue() -> None:
    assert {p.stem for p in SHIPPED} >= {"ci", "default", "macbert-base", "roberta-wwm-large"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_every_shipped_config_loads(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    load_schema(config.label_schema)
    assert config.windows.overlap_tokens < config.windows.max_tokens - 2
    assert config.run_folder == Path("runs") / path.stem and config.report_folder == Path("reports") / path.stem
    for source in (*config.data.train, *config.data.dev):
        assert Path(source.rpartition("@")[0] or source).exists(), source


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_what_a_run_records_is_the_same_config(path: Path) -> None:
    config = load_config(path)
    again = parse_config(yaml.safe_load(yaml.safe_dump(config.resolved())))
    assert again == config
    assert config.resolved()["schema"] == config.label_schema


def test_hub_configs_suit_a_24_gb_gpu() -> None:
    for name in ("macbert-base", "roberta-wwm-large"):
        config = load_config(f"configs/{name}.yaml")
        assert config.encoder.startswith("hfl/") and config.optimiser.precision == "bf16"
        assert config.optimiser.learning_rate < config.optimiser.head_learning_rate


def test_defaults_fill_what_is_left_out() -> None:
    config = parse_config(MINIMAL)
    assert config == TrainConfig.model_validate(MINIMAL)
    assert config.seed == 13 and config.data.dev == [] and config.optimiser.precision == "auto"


@pytest.mark.parametrize(("key", "near"), [
    ("optimizer", "optimiser"), ("enocder", "encoder"), ("shcema", "schema"), ("save_evry", "save_every"), ("seeds", "seed")])
def test_an_unknown_key_is_told_with_the_nearest(key: str, near: str) -> None:
    assert f"{key}: unknown key; did you mean {near!r}?" in faults({**MINIMAL, key: 1})


@pytest.mark.parametrize(("section", "key", "near"), [
    ("optimiser", "learning_rat", "learning_rate"), ("optimiser", "epoch", "epochs"), ("windows", "max_token", "max_tokens"),
    ("augment", "substitution", "substitute"), ("data", "trian", "train")])
def test_an_unknown_key_of_a_section_too(section: str, key: str, near: str) -> None:
    record = {**MINIMAL, section: {**MINIMAL.get(section, {}), key: 1}}
    assert f"{section}.{key}: unknown key; did you mean {near!r}?" in faults(record)


def test_an_unknown_key_like_no_other_lists_the_known() -> None:
    said = faults({**MINIMAL, "windows": {"zzzz": 1}})
    assert "windows.zzzz: unknown key; known: max_tokens, overlap_tokens" in said


@pytest.mark.parametrize(("section", "key", "value"), [
    ("optimiser", "epochs", "five"), ("optimiser", "epochs", 0), ("optimiser", "epochs", 2.5), ("optimiser", "epochs", True),
    ("optimiser", "learning_rate", "1e-3"), ("optimiser", "learning_rate", -1.0), ("optimiser", "precision", "fp16"),
    ("optimiser", "warmup_share", 1.0), ("windows", "max_tokens", 513), ("windows", "overlap_tokens", -1),
    ("augment", "substitute", 1.5), ("data", "train", "a.jsonl"), ("data", "train", []), ("data", "dev", [3]), ("data", "limit", -1),
])
def test_wrong_values_are_told_with_what_came(section: str, key: str, value: object) -> None:
    said = faults({**MINIMAL, section: {**MINIMAL.get(section, {}), key: value}})
    assert f"{section}.{key}" in said and ("found " in said)


@pytest.mark.parametrize(("key", "value"), [("name", ""), ("name", "a b"), ("name", 5), ("seed", "x"), ("save_every", 0), ("threads", 0),
                                            ("data", None), ("windows", 5)])
def test_wrong_values_at_the_top(key: str, value: object) -> None:
    assert f"\n  {key}: " in faults({**MINIMAL, key: value})


def test_all_faults_come_at_once() -> None:
    said = faults({"optimiser": {"epochs": "x", "epoch": 1}, "sed": 1, "windows": {"max_tokens": 5}, "data": {"dev": []}})
    for part in ("my.yaml: the config is wrong", "optimiser.epochs: ", "optimiser.epoch: unknown key", "sed: unknown key; did you mean 'seed'?",
                 "windows.max_tokens: ", "data.train: missing", "\n  name: missing", "repair"):
        assert part in said


def test_an_unknown_tagger_is_told_with_the_known() -> None:
    assert "tagger.kind: input should be 'softmax' or 'crf', found 'crv'" in faults({**MINIMAL, "tagger": {"kind": "crv"}})


@pytest.mark.parametrize(("key", "value"), [("weight_average", 1.0), ("fgm", -0.1), ("dropout_samples", 0),
                                            ("encoder_dropout", 1.0)])
def test_options_out_of_bounds(key: str, value: float) -> None:
    assert f"regularise.{key}: " in faults({**MINIMAL, "regularise": {key: value}})


def test_overrides_are_read_as_yaml() -> None:
    config = load_config("configs/ci.yaml", ["optimiser.epochs=2", "name=trial", "data.exclude=[a, b]", "optimiser.learning_rate=0.5",
                                             "threads=1", "augment.noise=0.0", "data.limit=null"])
    assert (config.optimiser.epochs, config.name, config.data.exclude, config.threads) == (2, "trial", ["a", "b"], 1)
    assert config.augment.noise == 0.0 and config.data.limit is None
    assert config.optimiser.batch_tokens == load_config("configs/ci.yaml").optimiser.batch_tokens


@pytest.mark.parametrize(("override", "said"), [
    ("optimiser.epochs", "expected KEY=VALUE"), ("optimiser.epoch=3", "did you mean 'epochs'"), ("name.x=3", "name holds a value"),
    ("seed=abc", "seed: "), ("=3", "unknown key")])
def test_wrong_overrides(override: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_config("configs/ci.yaml", [override])


@pytest.mark.parametrize(("text", "said"), [("name: [x", "no valid YAML"), ("- a", "expected a mapping of keys, found list"),
                                            ("", "expected a mapping of keys, found NoneType")])
def test_a_file_that_is_no_config(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_a_missing_file() -> None:
    with pytest.raises(UsageError, match="no such config file"):
        load_config("configs/defualt.yaml")


def test_yaml_cannot_run_code(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"name: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']", encoding="utf-8")
    with pytest.raises(UsageError):
        load_config(path)
    with pytest.raises((UsageError, yaml.YAMLError)):
        load_config("configs/ci.yaml", [f"name=!!python/object/apply:os.mkdir ['{tmp_path / 'made'}']"])
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("windows", [{"max_tokens": 32, "overlap_tokens": 30}, {"max_tokens": 64, "overlap_tokens": 100}, {"max_tokens": 32}])
def test_an_overlap_as_large_as_the_window_is_refused(windows: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        parse_config({**MINIMAL, "windows": windows})


def test_an_override_that_is_no_yaml_is_told() -> None:
    with pytest.raises(UsageError):
        load_config("configs/ci.yaml", ["data.exclude=[a"])


def test_a_config_in_a_foreign_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes("# 市人民医院\nname: x\n".encode("gb18030"))
    with pytest.raises(UsageError):
        load_config(path)


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", ".."])
def test_a_name_stays_inside_runs(name: str) -> None:
    with pytest.raises(UsageError):
        parse_config({**MINIMAL, "name": name})


def test_a_config_may_extend_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {Path('configs/default.yaml').resolve()}\nname: mine\noptimiser: {{epochs: 3}}\n", encoding="utf-8")
    mine, default = load_config(path, ["seed=5"]), load_config("configs/default.yaml")
    assert (mine.name, mine.seed, mine.optimiser.epochs) == ("mine", 5, 3)
    assert mine.optimiser.learning_rate == default.optimiser.learning_rate and mine.data == default.data
    assert "extends" not in mine.resolved()
    path.write_text("extends: none.yaml\nname: mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"none\.yaml: no such config file, which .*mine\.yaml extends"):
        load_config(path)
