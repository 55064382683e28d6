"""What a batch run has finished so far: committed parts in ``<output>.part/``, so that it can be killed at any moment.

The inputs are cut into shards of a fixed number of documents. A shard's lines become ``00000012.jsonl``, and then
``00000012.json``, written whole or not at all, says that it is done, over which input, and what went wrong in it. A run
that starts again skips the shards that are done, and predicts the others exactly as it would have: no batch crosses shards.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from data.documents import ReadFault
from data.errors import DataError
from data.files import atomic_write

MANIFEST, JOINED = "manifest.json", "joined"
_REASON_CHARS = 80
# What each entry of a manifest is called when it differs.
_NAMES = {"version": "another version of this program", "model": "another model", "lines": "another kind of output",
          "register": "another register", "columns": "other column names", "shard_articles": "another --shard-articles",
          "inputs": "other inputs", "found": "inputs that have vanished or come since"}


@dataclass
class ShardReport:
    """What one shard held: counts, the faults in order, and a checksum of the input it was made of."""

    items: int = 0
    digest: int = 0
    articles: int = 0
    events: int = 0
    characters: int = 0
    surrogates: int = 0  # half characters of the texts, which no output can hold
    faults: list[ReadFault] = field(default_factory=list)
    links: Counter[str] = field(default_factory=Counter)


@dataclass
class Totals:
    """Counts of a whole run."""

    articles: int = 0
    events: int = 0
    characters: int = 0
    faults: int = 0
    resumed_articles: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(self, report: ShardReport, *, is_resumed: bool = False) -> None:
        """Count a shard in."""
        self.articles += report.articles
        self.resumed_articles += report.articles if is_resumed else 0
        self.events += report.events
        self.characters += report.characters
        self.faults += len(report.faults)
        self.reasons.update(fault.reason.split("\n")[0].split(": ")[0][:_REASON_CHARS] for fault in report.faults)
        self.links.update(report.links)
        self.dropped += Counter({"lone surrogates replaced": report.surrogates})  # nothing is kept of a count of 0


class PartStore:
    """The folder of parts beside one output.

    Args:
        output: the file that the run will write in the end.
        manifest: what must be the same for a run to be gone on with.
    """

    def __init__(self, output: Path, manifest: dict[str, Any]) -> None:
        self.output, self.manifest = output, manifest
        self.folder = output.parent / f"{output.name}.part"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder: begin it, or go on with what an earlier run of the same command left.

        Raises:
            DataError: another run holds it, or it belongs to a run over another model or with other options.
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "lock", "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as fault:
                raise DataError("another run is writing this output", place=str(self.output),
                                repair="wait for it, or give another --output") from fault
            self._check_manifest()
            yield

    def _check_manifest(self) -> None:
        path = self.folder / MANIFEST
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            # Either new, or the rest of a run that was killed while it cleaned up after its end.
            self._empty()
            with atomic_write(path) as stream:
                # Escaped: names of files need not be UTF-8, and must be the same when they are read again.
                json.dump(self.manifest, stream, indent=1)
            return
        except ValueError as fault:
            raise self._refusal(f"{MANIFEST} is damaged") from fault
        for rest in self.folder.glob(".*.tmp"):
            rest.unlink()
        if differing := [k for k in {**earlier, **self.manifest} if earlier.get(k) != self.manifest.get(k)]:
            raise self._refusal("an unfinished run lies here that was begun with "
                                + ", ".join(_NAMES.get(k, k) for k in differing))

    def _refusal(self, problem: str) -> DataError:
        return DataError(problem, place=str(self.folder),
                         repair=f"go on with the command it was begun with, or begin anew: rm -r {self.folder}")

    def _empty(self) -> None:
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()

    def report(self, shard: int) -> ShardReport | None:
        """The report of a shard that is done, else None."""
        try:
            record = json.loads(self._path(shard, ".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return report_from_dict(record)

    def commit(self, shard: int, lines: Iterator[str], report: ShardReport) -> None:
        """Write the lines of a shard, and then that it is done. ``report`` is complete once ``lines`` has ended."""
        with _durable(self._path(shard, ".jsonl")) as stream:
            for line in lines:
                stream.write(line + "\n")
        with _durable(self._path(shard, ".json")) as stream:
            json.dump({**vars(report), "faults": [asdict(fault) for fault in report.faults]}, stream)

    def check(self, shard: int, items: int, digest: int) -> None:
        """Refuse to go on over input that is not what a finished shard was made of.

        Raises:
            DataError: it differs.
        """
        done = self.report(shard)
        if done and (done.items, done.digest) != (items, digest):
            raise self._refusal("the input has changed since this run was begun "
                                f"(among its documents {shard * self.manifest['shard_articles'] + 1} and following)")

    def shards(self) -> Iterator[int]:
        """The shards that are done, in order."""
        return iter(sorted(int(p.stem) for p in self.folder.glob("[0-9]*.json")))

    def lines(self) -> Iterator[str]:
        """All lines of all parts, in order."""
        for shard in self.shards():
            with open(self._path(shard, ".jsonl"), encoding="utf-8") as stream:
                for line in stream:
                    yield line.rstrip("\n")

    def remove(self) -> None:
        """Take the folder away; the manifest first, so that half a folder is never taken for a run to go on with."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    def _path(self, shard: int, suffix: str) -> Path:
        return self.folder / f"{shard:08d}{suffix}"


def report_from_dict(record: dict[str, Any]) -> ShardReport:
    """A report from its JSON form."""
    return ShardReport(**{**record, "faults": [ReadFault(**f) for f in record["faults"]], "links": Counter(record["links"])})


@contextmanager
def _durable(path: Path) -> Iterator[IO[str]]:
    """An atomic write that is on the disk before it is visible: a power cut must not leave an empty part."""
    with atomic_write(path) as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
