"""The expectation set of dates: its score as it is, and what the command says."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import EXIT_FAILED, EXIT_OK, DataError, run_command
from eval.dates import EXPECTATIONS, main, our_dates, read_cases, score_cases, score_event_dates

# What the resolver does not read; a change here is a change of the score.
MISSES = ["元月", "12月", "次年1月", "2024-11-?8", "民国二十六年(1937年)"]
HEADER = "class\tpublished\ttext\tedtf\n"


def test_the_set_scores_what_it_scores() -> None:
    cases = read_cases()
    scores, misses = score_cases(cases)
    total = sum(count for _, count in scores.values())
    assert [m.mention for m in misses] == MISSES, "\n".join(map(str, misses))
    assert total >= 600 and sum(hits for hits, _ in scores.values()) == total - len(MISSES)
    assert all(case.expected != () for case in cases)


def test_no_expression_stands_twice() -> None:
    lines = EXPECTATIONS.read_text(encoding="utf-8").splitlines()[1:]
    keys = [tuple(line.split("\t")[1:3]) for line in lines]
    assert len(set(keys)) == len(keys)


def test_a_text_gives_its_mentions_with_their_sentences(tmp_path: Path) -> None:
    path = tmp_path / "dates.tsv"
    path.write_text(HEADER + "a\t-\t某报{１０月１２日}讯。{昨天}签约。\tXXXX-10-12 XXXX-10-11\n", encoding="utf-8")
    case, = read_cases(path)
    assert case.mentions == ("10月12日", "昨天") and case.sentences == ("某报10月12日讯。", "昨天签约。")
    assert our_dates(case) == ["XXXX-10-12", "XXXX-10-11"]


def test_misses_are_counted_by_class(tmp_path: Path) -> None:
    path = tmp_path / "dates.tsv"
    path.write_text(HEADER + "a\t-\t2024年\t2024\na\t-\t2023年\t2024\nb\t-\t近日\t-\n", encoding="utf-8")
    scores, misses = score_cases(read_cases(path))
    assert scores == {"a": (1, 2), "b": (1, 1)}
    assert [str(m) for m in misses] == [f"{path}:3: 2023年: expected 2024, found 2023"]
    assert score_cases(read_cases(path), lambda case: [None])[0] == {"a": (0, 2), "b": (1, 1)}


def test_every_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dates.tsv"
    path.write_text(HEADER + "a\t-\t2024年\nb\t-\t2024年\t11月\nc\t-\t{2024年}\t2024 2025\n", encoding="utf-8")
    with pytest.raises(DataError) as fault:
        read_cases(path)
    message = str(fault.value)
    assert f"{path}:2: expected 4 columns" in message and "found '11月'" in message and "1 mentions, but 2 values" in message


def test_the_command_prints_classes_misses_and_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(main, ["--data", "data/gold/seeds.jsonl"]) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("miss: ") for line in lines) == len(MISSES)
    totals = [line.split() for line in lines if line.startswith("all ")]
    assert float(totals[0][-1]) >= 0.97 and totals[1][1:] == ["6/6", "1.000"]


def test_a_missing_or_foreign_file_is_a_clear_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(main, ["--set", str(tmp_path / "none.tsv")]) == EXIT_FAILED
    foreign = tmp_path / "foreign.tsv"
    foreign.write_text("one\ttwo\n", encoding="utf-8")
    assert run_command(main, ["--set", str(foreign)]) == EXIT_FAILED
    errors = capsys.readouterr().err
    assert "no such file" in errors and "expected the columns class, published, text, edtf" in errors


def test_gold_dates_come_out_of_gold_mentions() -> None:
    """The ceiling of every model, on dev: no event with the right parties has another date."""
    scores = score_event_dates(["data/corpus@dev"])
    assert scores["day"][1] > 30 and all(right == count for right, count in scores.values())
