"""Memory of a run does not grow with its articles, and a very long line is read in windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.article import read_jsonl
from models.bench_memory import main, write_line
from models.predict import main as predict


@pytest.mark.slow
def test_the_command(calm_run: Path, call) -> None:
    said = call(main, "--model", calm_run, "--few", 2, "--many", 9, "--line-mib", 0)
    assert said.code == 0 and "growth from 2 to 9" in said.out, said.out + said.err


def test_a_long_line_is_read_to_its_end(calm_run: Path, tmp_path: Path, call) -> None:
    write_line(tmp_path / "line.txt", 12_000)
    said = call(predict, "--model", calm_run, "--input", tmp_path / "line.txt", "--output", tmp_path / "out.jsonl")
    (article,) = read_jsonl(tmp_path / "out.jsonl")
    assert said.code == 0 and "\n" not in article.text and len(article.text) > 3_900
    assert max(e.char_end for e in article.entities) > len(article.text) - 200


@pytest.fixture(scope="module")
def calm_run(make_model, tokenizer, hospital, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run in which no relation reaches its threshold."""
    from models.run_folder import save_run

    folder = tmp_path_factory.mktemp("runs") / "calm"
    save_run(folder, make_model(hospital, hints=True, thresholds={r.name: 0.999 for r in hospital.relations}), tokenizer, {})
    return folder
