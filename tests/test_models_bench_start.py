"""What is timed is what the issue asks for: help, a first result, and two hundred persons in one article."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models import bench_start
from models.bench_start import crowded_text, main


@pytest.mark.parametrize("persons", [4, 200, 600])
def test_so_many_different_persons(persons: int) -> None:
    names = re.findall(r"(?:院长|书记|科长|主任)(\w{3})[与代]|，(\w{3})、(\w{3})等", crowded_text(persons))
    found = [name for group in names for name in group if name]
    assert len(found) == len(set(found)) == persons


def test_the_command_judges_the_smaller_of_wall_and_processor(run_folder: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_start, "command_seconds", lambda arguments, rounds: (9.0, 0.1))
    said = call(main, "--model", run_folder, "--rounds", 1, "--persons", 8)
    assert said.code == 0 and "| first result, one article | 9.00 | 0.10 | 3.0 |" in said.out, said.err
    monkeypatch.setattr(bench_start, "command_seconds", lambda arguments, rounds: (9.0, 5.0))
    said = call(main, "--model", run_folder, "--rounds", 1, "--persons", 8)
    assert said.code == 1 and "too slow: --help; first result" in said.err
    assert call(main, "--model", run_folder, "--persons", 0).code == 2


def test_a_command_that_fails_is_told(tmp_path: Path, call) -> None:
    said = call(main, "--model", tmp_path / "none", "--rounds", 1)
    assert said.code == 1 and "the command failed" in said.err and "no such model folder" in said.err
