"""``extends``: one YAML file over another; faults name the file and what led to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import UsageError
from data.layered import overlay, read_layered


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_lies_over_the_one_it_extends(tmp_path: Path) -> None:
    write(tmp_path, "root.yaml", "a: 1\nlist: [1, 2]\nsection: {x: 1, y: {p: 1, q: 2}}\nplain: 5\n")
    write(tmp_path, "inner/middle.yaml", "extends: ../root.yaml\nsection: {y: {q: 3}}\nlist: [9]\n")
    top = write(tmp_path, "top.yaml", "extends: inner/middle.yaml\na: null\nplain: {now: keys}\nnew: 7\n")
    assert read_layered(top) == {"a": None, "list": [9], "section": {"x": 1, "y": {"p": 1, "q": 3}}, "plain": {"now": "keys"}, "new": 7}


def test_overlay_changes_neither() -> None:
    below, above = {"s": {"x": 1}}, {"s": {"y": 2}}
    assert overlay(below, above) == {"s": {"x": 1, "y": 2}}
    assert (below, above) == ({"s": {"x": 1}}, {"s": {"y": 2}})


@pytest.mark.parametrize(("text", "said"), [
    ("extends: none.yaml", r"none\.yaml: no such config file, which .*top\.yaml extends"), ("extends: [a, b]", "expected the path of one YAML file, found"),
    ("extends: top.yaml", "leads back to the file itself"), ("extends: back.yaml", "leads back to the file itself"),
    ("extends: list.yaml", r"list\.yaml: expected a mapping of keys, found list"), ("extends: broken.yaml", r"broken\.yaml: no valid YAML")])
def test_faults(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "back.yaml", "extends: top.yaml")
    write(tmp_path, "list.yaml", "[1]")
    write(tmp_path, "broken.yaml", "a: [")
    with pytest.raises(UsageError, match=said) as caught:
        read_layered(write(tmp_path, "top.yaml", text))
    assert caught.value.exit_code == 2


def test_a_base_may_be_shared(tmp_path: Path) -> None:
    """Two ways to the same file are no circle."""
    write(tmp_path, "base.yaml", "a: 1")
    for name in ("one.yaml", "two.yaml"):
        assert read_layered(write(tmp_path, name, "extends: base.yaml\nb: 2")) == {"a": 1, "b": 2}
