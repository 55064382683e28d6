"""The labelling configuration: what the schema names, accepted by the SDK's own LabelInterface."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from label_studio_sdk.label_interface import LabelInterface
from lxml import etree

from data.errors import UsageError
from data.label_studio.__main__ import main
from data.label_studio.config import labelling_config
from data.label_studio.tasks import interface_of
from data.schema import Schema, load_schema


@pytest.mark.parametrize("name", ["hospital", "parties"])
def test_the_sdk_accepts_what_the_schema_names(name: str) -> None:
    schema = load_schema(f"configs/schema/{name}.yaml")
    interface = LabelInterface(labelling_config(schema))
    interface.validate()
    assert list(interface.get_control("label").labels) == list(schema.labels)
    assert interface.get_control("signing").labels == ["no signing"]
    tree = etree.fromstring(labelling_config(schema))
    assert [r.get("value") for r in tree.iter("Relation")] == [r.name for r in schema.relations]
    assert {r.get("value"): r.get("hint") for r in tree.iter("Relation")}["HOLDS_ROLE"] == "PERSON -> ROLE"
    assert {t.get("value") for t in tree.iter("Text")} == {"$text", "$published", "$publisher"}
    assert next(t for t in tree.iter("Text") if t.get("name") == "text").get("granularity") == "symbol"


def test_colours_and_hotkeys_differ(parties: Schema) -> None:
    tree = etree.fromstring(labelling_config(parties))
    for kind in ("Label", "Relation"):
        colours = [x.get("background") for x in tree.iter(kind)]
        assert len(set(colours)) == len(colours) and all(colours)
    keys = [x.get("hotkey") for x in tree.iter("Label", "Choice")]
    assert len(set(keys)) == len(keys) == len(parties.labels) + 1 and all(keys)


def test_names_of_any_schema_are_escaped_and_many_are_held() -> None:
    odd = Schema(name="odd", labels=('A"<&>', *(f"L{i}" for i in range(40))))
    interface = LabelInterface(labelling_config(odd))
    interface.validate()
    assert list(interface.get_control("label").labels) == list(odd.labels)
    assert "<Relations" not in labelling_config(odd)


def test_a_project_that_does_not_fit_is_refused(hospital: Schema, parties: Schema) -> None:
    interface_of(labelling_config(parties), hospital, place="project 1")
    with pytest.raises(UsageError, match=r"project 1: .* lacks the labels ORG\n  repair: .*config"):
        interface_of(labelling_config(hospital), parties, place="project 1")
    for wrong in ("<View>", '<View><Text name="t" value="$t"/></View>', "", '<View><Labels name="label" toName="gone"/></View>'):
        with pytest.raises(UsageError, match="does not fit"):
            interface_of(wrong, hospital, place="project 1")


def test_the_command(call, tmp_path: Path) -> None:
    said = call(main, "config", "--schema", "configs/schema/hospital.yaml")
    assert said.code == 0 and said.out == labelling_config(load_schema("configs/schema/hospital.yaml"))
    assert call(main, "config", "--output", tmp_path / "c.xml").code == 0 and (tmp_path / "c.xml").read_text().startswith("<View>")
    assert call(main, "config", "--schema", tmp_path / "none.yaml").code == 2
    assert call(main, "bogus").code == 2
    for command in ("config", "push", "pull"):
        said = call(main, command, "--help")
        assert said.code == 0 and "example" in said.out and not said.err


def test_every_command_has_a_module() -> None:
    from importlib import import_module

    from data.label_studio.__main__ import COMMANDS

    for name in COMMANDS:
        module = import_module(f"data.label_studio.{name}")
        module.add_arguments(argparse.ArgumentParser())
        assert callable(module.run)
