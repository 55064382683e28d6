"""Imports run one way: data -> models -> eval -> training; each room may import what stands left of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("data", "models", "eval", "training")


def imported_rooms(source: str) -> list[tuple[int, str]]:
    """``(line, room)`` of every import of a room, at any depth of the code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import hides where it leads"
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                names = [str(node.args[0].value)]
        found += [(node.lineno, name.split(".")[0]) for name in names if name.split(".")[0] in ROOMS]
    return found


def test_the_finder_sees_imports_everywhere() -> None:
    source = ("import eval.metrics\nfrom data import clean\nimport os\n"
              "def f():\n    from training.config import load_config\n    import importlib\n"
              "    importlib.import_module('models.signing')\n")
    assert imported_rooms(source) == [(1, "eval"), (2, "data"), (5, "training"), (7, "models")]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    allowed = ROOMS[: ROOMS.index(room) + 1]
    wrong = [f"{path.relative_to(ROOT)}:{line} imports {target}"
             for path in files for line, target in imported_rooms(path.read_text(encoding="utf-8"))
             if target not in allowed]
    assert not wrong


def test_nothing_says_import_eval() -> None:
    """``import eval`` would shadow the builtin."""
    wrong = [f"{path.relative_to(ROOT)}:{node.lineno}"
             for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))
             for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Import) and any(alias.name == "eval" and not alias.asname for alias in node.names)]
    assert not wrong


def test_the_tests_shadow_no_room() -> None:
    assert not list((ROOT / "tests").glob("**/__init__.py"))
    assert not [room for room in ROOMS if (ROOT / "tests" / room).exists() or (ROOT / "tests" / f"{room}.py").exists()]
