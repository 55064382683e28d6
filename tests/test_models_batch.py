"""A batch run may be killed, starved and cut off at any moment, and its output is that of an uninterrupted run."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.article import Article, dump_line, read_jsonl
from data.errors import run_command
from models import batch, parts
from models.batch import BatchOptions
from models.outputs import format_of
from models.predict import main as predict
from models.shards import MODEL_FAULTS, Reading, tolerant

TEXT = "11月8日，甲市中心医院与乙县人民医院签署战略合作协议，院长张三签字。"


def write_inputs(folder: Path, count: int = 40) -> Path:
    """Lines of JSONL, some of them broken or breaking the model, and two text files."""
    folder.mkdir(parents=True)
    lines = ["{oops" if n % 11 == 3 else dump_line(Article(id=f"n{n}", text=f"{'坏' if n % 13 == 5 else '好'}{n}医院签约。"))
             for n in range(count)]
    (folder / "many.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "z.txt").write_text("末院签约。", encoding="utf-8")
    (folder / "empty.txt").touch()
    return folder


def stub_extract(articles: Iterable[Article]) -> Iterator[Article]:
    for article in articles:
        if "坏" in article.text:
            raise ValueError("cannot be read")
        yield replace(article, model="stub")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "make_reading", lambda options, register: Reading(extract=stub_extract, kind=options.kind))
    monkeypatch.setattr(batch, "model_digest", lambda run, engine: "stub")


def options(source: Path | str, output: Path, **changes: Any) -> BatchOptions:
    return BatchOptions(model=Path("stub"), inputs=(str(source),), output=str(output),
                        output_format=format_of(str(output), None), shard_articles=7, **changes)


def run(given: BatchOptions) -> int:
    return run_command(lambda argv: batch.run_batch(given))


def test_a_run_killed_at_twenty_random_moments_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    """And at its renames, before and after: nothing lost, nothing doubled, nothing half, no rubbish left."""
    source = write_inputs(tmp_path / "in")
    said = subprocess.run([sys.executable, "tests/batch_stub.py", str(source), str(tmp_path), "3"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    interrupted, differing = (int(word) for word in said.stdout.split() if word.isdigit())
    assert differing == 0 and interrupted >= 25, said.stdout


@pytest.mark.slow
def test_the_command_itself_is_killed_and_goes_on(tmp_path: Path, run_folder: Path, call) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(dump_line(Article(id=f"n{n}", text=f"{n}。{TEXT * (n % 5)}")) + "\n" for n in range(120)), encoding="utf-8")
    command = ["--model", run_folder, "--input", source, "--shard-articles", "4", "--output"]
    assert call(predict, *command, tmp_path / "whole.jsonl").code == 0
    process = subprocess.Popen([sys.executable, "-m", "models.predict", *map(str, command), tmp_path / "out.jsonl"],
                               stderr=subprocess.DEVNULL)
    folder = tmp_path / "out.jsonl.part"
    while len(list(folder.glob("0*.json"))) < 3 and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(folder.glob("0*.json")))
    assert 3 <= done < 30 and not (tmp_path / "out.jsonl").exists()
    said = call(predict, *command, tmp_path / "out.jsonl")
    assert said.code == 0 and "120 articles" in said.err
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert json.loads((tmp_path / "out.summary.json").read_text())["articles_of_earlier_runs"] >= 4 * done
    assert not folder.exists()


def test_each_fault_is_one_line_with_source_place_and_reason(stub: None, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    assert run(options(source, tmp_path / "out.jsonl")) == 0
    faults = [json.loads(line) for line in (tmp_path / "out.errors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(set(fault) == {"source", "place", "reason"} for fault in faults)
    told = {(Path(f["source"]).name, f["place"]): f["reason"] for f in faults}
    assert told["empty.txt", ""] == "expected text, found an empty file"
    assert {place for name, place in told if name == "many.jsonl"} == {f"line {n + 1}" for n in range(40) if n % 11 == 3 or n % 13 == 5}
    assert told["many.jsonl", "line 6"] == "the model failed on this article: ValueError: cannot be read"
    assert [a.id for a in read_jsonl(tmp_path / "out.jsonl")] == [*(f"n{n}" for n in range(40) if n % 11 != 3 and n % 13 != 5), "z"]
    summary = json.loads((tmp_path / "out.summary.json").read_text(encoding="utf-8"))
    assert summary["articles"] == 34 and summary["faults"] == len(faults) == sum(summary["faults_by_reason"].values()) == 8


def broken_after(count: int, monkeypatch: pytest.MonkeyPatch, fault: BaseException | signal.Signals) -> None:
    """The write of the ``count``-th shard fails."""
    commit = parts.PartStore.commit

    def failing(self: parts.PartStore, shard: int, lines: Iterator[str], report: parts.ShardReport) -> None:
        if shard >= count:
            if isinstance(fault, signal.Signals):
                os.kill(os.getpid(), fault)
                time.sleep(5)  # the signal comes first
            else:
                raise fault
        commit(self, shard, lines, report)

    monkeypatch.setattr(parts.PartStore, "commit", failing)


@pytest.mark.parametrize(("fault", "code", "part"), [
    (OSError(errno.ENOSPC, "No space left on device", "out.jsonl.part/00000003.jsonl"), 1, "repair: free the disk"),
    (KeyboardInterrupt(), 130, "error: interrupted"), (signal.SIGTERM, 143, "")])
def test_a_full_disk_and_ctrl_c_keep_what_is_done(stub: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: BaseException,
                                                 code: int, part: str) -> None:
    source, out = write_inputs(tmp_path / "in"), tmp_path / "out.jsonl"
    assert run(options(source, tmp_path / "whole.jsonl")) == 0
    with pytest.MonkeyPatch.context() as patch:
        broken_after(3, patch, fault)
        try:
            assert run(options(source, out)) == code
        except SystemExit as end:
            assert end.code == code
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    said = capsys.readouterr().err
    assert part in said and f"stopped: 21 documents are done and kept in {out}.part; the same command goes on" in said
    assert not out.exists()
    assert run(options(source, out)) == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert (tmp_path / "out.errors.jsonl").read_bytes() == (tmp_path / "whole.errors.jsonl").read_bytes()


def test_a_write_that_the_system_cuts_off_is_a_full_disk(tmp_path: Path) -> None:
    """A real limit on the size of files, in a process of its own."""
    source = write_inputs(tmp_path / "in", 400)
    script = ("import resource, sys; sys.path.insert(0, 'tests'); import batch_stub; from data.errors import run_command;"
              "from pathlib import Path; batch_stub.install(); batch_stub.PAUSE_SECONDS = 0;"
              "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2);"
              "sys.exit(run_command(lambda _: batch_stub.batch.run_batch(batch_stub.options(sys.argv[1], Path(sys.argv[2])))))")
    ended = [subprocess.run([sys.executable, "-c", script, str(source), str(tmp_path / "out.jsonl"), limit], capture_output=True, text=True)
             for limit in ("20000", "10000000")]
    assert ended[0].returncode == 1 and "File too large" in ended[0].stderr and "Traceback" not in ended[0].stderr
    assert "the same command goes on" in ended[0].stderr
    assert ended[1].returncode == 0, ended[1].stderr
    assert len(read_jsonl(tmp_path / "out.jsonl")) > 300


def test_an_input_that_vanishes_ends_the_run_and_comes_back(stub: None, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = tmp_path / "in", tmp_path / "out.jsonl"
    source.mkdir()
    for n in range(20):
        (source / f"{n:02d}.txt").write_text(f"{n}院签约。", encoding="utf-8")
    commit = parts.PartStore.commit

    def unmounting(self: parts.PartStore, shard: int, lines: Iterator[str], report: parts.ShardReport) -> None:
        commit(self, shard, lines, report)
        if shard == 0 and source.exists():
            source.rename(tmp_path / "away")

    monkeypatch.setattr(parts.PartStore, "commit", unmounting)
    assert run(options(source, out)) == 1
    said = capsys.readouterr().err
    assert f"{source}: was there when this run began, and has vanished" in said and "kept in" in said
    assert run(options(source, out)) == 1 and "inputs that have vanished or come since" in capsys.readouterr().err
    (tmp_path / "away").rename(source)
    monkeypatch.undo()
    monkeypatch.setattr(batch, "make_reading", lambda options, register: Reading(extract=stub_extract, kind=options.kind))
    monkeypatch.setattr(batch, "model_digest", lambda run, engine: "stub")
    assert run(options(source, out)) == 0 and len(read_jsonl(out)) == 20


def test_one_file_that_vanishes_costs_itself(stub: None, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out.jsonl"
    source.mkdir()
    for name in "ab":
        (source / f"{name}.txt").write_text("院签约。", encoding="utf-8")
    begun = batch.BatchRun(options(source, out))
    documents = list(begun.documents())
    (source / "a.txt").unlink()
    begun.documents = lambda: iter(documents)  # type: ignore[method-assign]
    begun.to_file()
    assert [a.id for a in read_jsonl(out)] == ["b"]
    assert json.loads((tmp_path / "out.errors.jsonl").read_text())["reason"].startswith("no such file")


def stopped(source: Path, out: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        broken_after(2, patch, KeyboardInterrupt())
        assert run(options(source, out)) == 130


@pytest.mark.parametrize(("change", "part"), [
    (lambda source, out: ("digest", None), "another model"),
    (lambda source, out: ("options", {"events_only": True}), "another kind of output"),
    (lambda source, out: ("options", {"shard_articles": 8}), "another --shard-articles"),
    (lambda source, out: ("input", None), "the input has changed since this run was begun")])
def test_another_command_or_input_is_refused(stub: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str], change: Callable[..., Any], part: str) -> None:
    source, out = write_inputs(tmp_path / "in"), tmp_path / "out.jsonl"
    stopped(source, out)
    what, changes = change(source, out)
    given = options(source, out)
    if what == "digest":
        monkeypatch.setattr(batch, "model_digest", lambda run, engine: "other")
    elif what == "options":
        given = replace(given, **changes)
    else:
        (source / "many.jsonl").write_text((source / "many.jsonl").read_text(encoding="utf-8").replace("好0医", "好O医"), encoding="utf-8")
    assert run(given) == 1
    said = capsys.readouterr().err
    assert part in said and f"rm -r {out}.part" in said and not out.exists()
    shutil.rmtree(f"{out}.part")
    assert run(given) == 0


def test_a_pipe_is_no_file_to_replace(stub: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "out.jsonl")
    assert run(options(write_inputs(tmp_path / "in"), tmp_path / "out.jsonl")) == 1
    assert "found a device or a pipe" in capsys.readouterr().err and (tmp_path / "out.jsonl").is_fifo()


def test_two_runs_do_not_write_one_output(stub: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = write_inputs(tmp_path / "in"), tmp_path / "out.jsonl"
    stopped(source, out)
    with parts.PartStore(out, batch.BatchRun(options(source, out)).manifest()).opened():
        assert run(options(source, out)) == 1
    assert "another run is writing this output" in capsys.readouterr().err
    assert run(options(source, out)) == 0


def test_file_names_that_are_no_utf8(stub: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for name in (b"\xbc\xd7.txt", b"\xd2\xd2.jsonl"):
        try:
            Path(os.fsdecode(os.fsencode(source) + b"/" + name)).write_text("好院签约。", encoding="utf-8")
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
    first, broken = sorted(str(p) for p in source.iterdir())
    given = replace(options(first, tmp_path / "out.jsonl"), inputs=(first, broken))
    with pytest.MonkeyPatch.context() as patch:
        broken_after(1, patch, KeyboardInterrupt())
        patch.setattr(batch.BatchRun, "_finish", lambda self, store: (_ for _ in ()).throw(KeyboardInterrupt()))
        assert run(given) == 130
    assert run(given) == 0, capsys.readouterr().err
    assert [a.id for a in read_jsonl(tmp_path / "out.jsonl")] == ["\ufffd\ufffd"]
    assert "\ufffd\ufffd.jsonl" in json.loads((tmp_path / "out.errors.jsonl").read_text(encoding="utf-8"))["source"]
    assert json.loads((tmp_path / "out.summary.json").read_text(encoding="utf-8"))["articles_of_earlier_runs"] == 1


def test_the_output_inside_the_input_folder_is_not_read(stub: None, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    for _ in range(2):
        assert run(options(source, source / "out.jsonl")) == 0
        assert len(read_jsonl(source / "out.jsonl")) == 34


def test_reading_in_other_processes_changes_nothing(stub: None, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    for workers in (0, 1):
        assert run(options(source, tmp_path / f"{workers}.jsonl", workers=workers)) == 0
    assert (tmp_path / "0.jsonl").read_bytes() == (tmp_path / "1.jsonl").read_bytes()
    assert (tmp_path / "0.errors.jsonl").read_bytes() == (tmp_path / "1.errors.jsonl").read_bytes()


def test_a_fault_of_the_reader_is_no_fault_of_the_model() -> None:
    def articles() -> Iterator[Article]:
        yield Article(id="a", text="好")
        raise ValueError("a bug in the reader")

    with pytest.raises(ValueError, match="a bug in the reader"):
        list(tolerant(stub_extract, articles()))
    assert KeyboardInterrupt not in MODEL_FAULTS and OSError not in MODEL_FAULTS
