"""A batch run: inputs in, one output out, resumable at any moment, with every fault told and counted.

:mod:`models.shards` reads and predicts, :mod:`models.parts` keeps what is done, :mod:`models.outputs` writes the end
result; here they are tied together. The output appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.documents import Document, ReadFault, iter_documents
from data.errors import EXIT_OK, DataError, QianyueError
from data.files import atomic_write, sha256_of
from data.listing import STANDARD_INPUT, is_url
from data.records import Columns
from data.surrogates import json_line, without_surrogates
from models.outputs import CSV, JSONL, kind_of_lines, write_csv, write_output
from models.parts import JOINED, PartStore, ShardReport, Totals
from models.progress import Progress
from models.shards import Parsed, Reading, count_document, numbered, parsed_ahead

if TYPE_CHECKING:
    from models.register import Register

VERSION = 2  # of the parts: a run that an older program began is not gone on with
SHARD_ARTICLES = 512
_WEIGHTS = (".json", ".safetensors", ".onnx")


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """What one run reads and writes; ``output`` is a path or ``-``."""

    model: Path
    inputs: tuple[str, ...]
    output: str
    output_format: str = JSONL
    events_only: bool = False
    register: Path | None = None
    columns: Columns = field(default_factory=Columns)
    shard_articles: int = SHARD_ARTICLES
    workers: int = 0
    engine: str | None = None
    all_labels: bool = False
    cluster_workers: int = 0  # actors of a Ray cluster; 0: this process

    @property
    def kind(self) -> str:
        """What one line of the parts is."""
        return kind_of_lines(self.output_format, events_only=self.events_only)

    @property
    def errors(self) -> Path:
        """Where the faults go."""
        return _beside(self.output, "errors.jsonl")

    @property
    def summary(self) -> Path:
        """Where the counts go."""
        return _beside(self.output, "summary.json")


def _beside(output: str, name: str) -> Path:
    path = Path(output)
    return path.with_name(f"{path.stem}.{name}")


class BatchRun:
    """One run of one command."""

    def __init__(self, options: BatchOptions, register: Register | None = None) -> None:
        self.options, self.register, self.totals = options, register, Totals()
        self.found = [p for p in options.inputs if p != STANDARD_INPUT and not is_url(p) and os.path.lexists(p)]
        self.progress = Progress(options.inputs, self.own_files())
        self._began = time.monotonic()

    def own_files(self) -> list[str]:
        """Real paths of what the run itself writes: an input folder may hold them too."""
        if self.options.output == "-":
            return []
        output = os.path.realpath(self.options.output)
        return [output, f"{output}.part", os.path.realpath(self.options.errors), os.path.realpath(self.options.summary)]

    def documents(self) -> Iterator[Document]:
        """All documents of the inputs, in the order that every run repeats."""
        return iter_documents(self.options.inputs, columns=self.options.columns, exclude=self.own_files(),
                              dropped=self.totals.dropped)

    def to_file(self) -> None:
        """Run, and go on where an earlier run of the same command was stopped.

        Raises:
            DataError: nothing could be read, an input vanished, or another run's parts are in the way.
            OSError: something cannot be written; what is done so far stays.
        """
        output = Path(self.options.output)
        if output.is_dir():
            raise DataError("expected a file to write, found a folder", place=str(output), repair=str(output / "out.jsonl"))
        if output.exists() and not output.is_file():
            # The finished file takes the place of what is there: a device or a pipe must not be lost so.
            raise DataError("expected a file to write, found a device or a pipe", place=str(output), repair="--output -")
        store = PartStore(output, self.manifest())
        with store.opened(), self._told_how_to_go_on(store), self.progress:
            if self.options.cluster_workers:
                from models.cluster import run_shards

                run_shards(self, store)
            else:
                self._run_shards(store)
            if not self.totals.articles:
                store.remove()
                raise self._nothing()
            self._finish(store)

    def to_stdout(self) -> None:
        """Run and write as results come; nothing is kept to go on with."""
        reading = make_reading(self.options, self.register)

        def lines() -> Iterator[str]:
            stream = parsed_ahead(((0, d) for d in self.documents()), self.options.columns, self.options.workers)
            report = ShardReport()
            yield from reading.lines((one for _, one in self.watched(stream)), report)
            self.totals.add(report)

        with self.progress:
            if self.options.output_format == CSV:
                write_csv(lines(), sys.stdout, self.totals.dropped)
            else:
                sys.stdout.writelines(line + "\n" for line in lines())
        if not self.totals.articles:
            raise self._nothing()

    def _nothing(self) -> DataError:
        return DataError("no article could be read", place=" ".join(self.options.inputs),
                         repair="see the messages above for each input")

    def manifest(self) -> dict[str, Any]:
        """What must be the same for a run to be gone on with."""
        options = self.options
        how = f"{options.engine}{' all labels' * options.all_labels}"
        return {"version": VERSION, "model": model_digest(options.model, how), "lines": options.kind,
                "register": sha256_of(options.register) if options.register else None, "columns": asdict(options.columns),
                "shard_articles": options.shard_articles, "inputs": list(options.inputs), "found": self.found}

    def pending(self, store: PartStore) -> Iterator[tuple[int, Document]]:
        """The documents of all shards that are not done; those that are done are checked against the input."""
        for shard, documents in numbered(self.documents(), self.options.shard_articles):
            done = store.report(shard)
            if done is None:
                for document in documents:
                    yield shard, document
                continue
            seen = ShardReport()
            for document in documents:
                count_document(seen, document)
                self.progress.skip(document)
            store.check(shard, seen.items, seen.digest)
            self.totals.add(done, is_resumed=True)

    def _run_shards(self, store: PartStore) -> None:
        reading: Reading | None = None
        stream = parsed_ahead(self.pending(store), self.options.columns, self.options.workers)
        for shard, group in groupby(self.watched(stream), key=lambda pair: pair[0]):
            # Loaded late: a run that was killed at its very end has nothing left to predict.
            reading = reading or make_reading(self.options, self.register)
            report = ShardReport()
            store.commit(shard, reading.lines((one for _, one in group), report), report)
            self.totals.add(report)

    def watched(self, stream: Iterable[tuple[int, Parsed]]) -> Iterator[tuple[int, Parsed]]:
        """The same stream, shown in the progress bar; faults are told, and an input that vanished ends the run."""
        for shard, one in stream:
            if isinstance(one.item, ReadFault):
                if one.item.is_missing:
                    check_inputs(self.found)
                self.progress.fault(one.item)
            yield shard, one
            self.progress.done(one)

    def _finish(self, store: PartStore) -> None:
        """The parts become the output; the output is the last to appear."""
        joined = store.folder / JOINED
        write_output(store.lines(), str(joined), self.options.output_format, self.options.kind, self.totals.dropped)
        # Written in the folder of parts too: what a kill leaves half-done there is cleared away, beside the output it would stay.
        errors, summary = store.folder / self.options.errors.name, store.folder / self.options.summary.name
        if self.totals.faults:
            with atomic_write(errors) as stream:
                for shard in store.shards():
                    report = store.report(shard)
                    for fault in report.faults if report else ():
                        stream.write(json_line({"source": fault.source, "place": fault.place, "reason": fault.reason}) + "\n")
            os.replace(errors, self.options.errors)
        else:
            self.options.errors.unlink(missing_ok=True)
        with atomic_write(summary) as stream:
            stream.write(without_surrogates(json.dumps(self.summary(), ensure_ascii=False, indent=1)) + "\n")
        os.replace(summary, self.options.summary)
        os.replace(joined, self.options.output)
        store.remove()

    def summary(self) -> dict[str, Any]:
        """What the run read, found and dropped."""
        totals, seconds = self.totals, time.monotonic() - self._began
        return {
            "model": str(self.options.model), "inputs": list(self.options.inputs), "output": self.options.output,
            "articles": totals.articles, "events": totals.events, "characters": totals.characters,
            "faults": totals.faults, "faults_by_reason": dict(totals.reasons.most_common()),
            "dropped": dict(totals.dropped.most_common()), "links": dict(totals.links),
            "articles_of_earlier_runs": totals.resumed_articles, "seconds": round(seconds, 1),
            "characters_per_second": round(self.progress.characters / max(seconds, 1e-9)),
        }

    @contextmanager
    def _told_how_to_go_on(self, store: PartStore) -> Iterator[None]:
        """Whatever stops the run: say what is kept; keep nothing where nothing was done."""
        try:
            yield
        except (QianyueError, OSError, KeyboardInterrupt, SystemExit):
            kept = sum(r.items for s in store.shards() if (r := store.report(s))) if store.folder.is_dir() else 0
            if kept:
                print(f"stopped: {kept} documents are done and kept in {store.folder}; the same command goes on from there",
                      file=sys.stderr)
            elif store.folder.is_dir():
                store.remove()
            raise


def check_inputs(found: Iterable[str]) -> None:
    """Raise DataError where an input that was ``found`` when the run began is there no more."""
    if gone := [path for path in found if not os.path.lexists(path)]:
        raise DataError("was there when this run began, and has vanished", place=", ".join(gone),
                        repair="bring it back (mount it again); the same command then goes on")


def make_reading(options: BatchOptions, register: Register | None) -> Reading:
    """Load the model of a run."""
    from models.extractor import Extractor

    extractor = Extractor.load(options.model, engine=options.engine or "auto", all_labels=options.all_labels)
    return Reading(extract=extractor.extract_all, kind=options.kind, register=register)


def model_digest(run: Path, how: str) -> str:
    """What tells one model from another: how it is read, and every file of the run that predictions depend on."""
    from models.checkpoint import check_checkpoint

    check_checkpoint(run)
    digest = hashlib.sha256(f"{run.name}\0{how}".encode())
    for path in sorted(run.iterdir()):
        if path.suffix in _WEIGHTS and path.name != "metrics.json":
            digest.update(f"{path.name}\0{sha256_of(path)}".encode())
    return digest.hexdigest()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A job scheduler's SIGTERM ends the run as Ctrl-C does: told, and ready to go on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


def run_batch(options: BatchOptions) -> int:
    """Run a batch, print what it did, and return the exit code."""
    from models.register import link_summary, register_of_command

    run = BatchRun(options, register_of_command(options.register))
    if options.output == "-":
        run.to_stdout()
    else:
        with _ended_in_order():
            run.to_file()
    totals = run.totals
    notes = f"; see {options.errors}" if totals.faults and options.output != "-" else ""
    print(f"{totals.articles} articles, {totals.events} events, {totals.faults} inputs that could not be read{notes}",
          file=sys.stderr)
    if totals.dropped:
        print("passed over: " + ", ".join(f"{count} {what}" for what, count in totals.dropped.most_common()), file=sys.stderr)
    if options.register:
        print(link_summary(totals.links), file=sys.stderr)
    return EXIT_OK
