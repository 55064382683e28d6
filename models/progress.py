"""The progress bar of a batch run: share of the input bytes, articles/s, characters/s, errors, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Sequence
from types import TracebackType

from tqdm import tqdm

from data.article import Article
from data.documents import Document, RawDocument, ReadFault
from data.listing import STANDARD_INPUT, Listed, is_url, list_inputs, size_of
from data.surrogates import without_surrogates
from models.shards import Parsed

TOLD_FAULTS = 20


class Progress:
    """Shown on a terminal only; faults are told on standard error in any case, the first of them one by one."""

    def __init__(self, inputs: Sequence[str], exclude: Collection[str] = ()) -> None:
        self._inputs, self._exclude = inputs, exclude
        self.articles = self.characters = self.faults = 0
        self._began = time.monotonic()
        self._bar: tqdm | None = None

    def __enter__(self) -> Progress:
        is_shown = sys.stderr.isatty()
        self._bar = tqdm(total=self._total() if is_shown else None, unit="B", unit_scale=True, disable=not is_shown,
                         bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}" if is_shown else None)
        self._began = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def _total(self) -> int | None:
        """Bytes of all inputs; None where some cannot be told beforehand."""
        if any(path == STANDARD_INPUT or is_url(path) for path in self._inputs):
            return None
        return sum(size_of(item.path) for item in list_inputs(self._inputs, exclude=self._exclude) if isinstance(item, Listed))

    def skip(self, document: Document) -> None:
        """A document that an earlier run has done; it does not count for the rates."""
        if self._bar is not None and not self._bar.disable and isinstance(document, RawDocument):
            self._bar.initial += document.input_bytes
            self._bar.update(document.input_bytes)

    def done(self, one: Parsed) -> None:
        """A document that is read, and its article on its way through the model."""
        if isinstance(one.item, Article):
            self.count(1, len(one.item.text))
        if isinstance(one.document, RawDocument):
            self.update(one.document.input_bytes)

    def count(self, articles: int, characters: int) -> None:
        """Articles that count for the rates."""
        self.articles += articles
        self.characters += characters

    def update(self, input_bytes: int) -> None:
        """Move the bar on."""
        if self._bar is not None and not self._bar.disable:
            seconds = max(time.monotonic() - self._began, 1e-9)
            self._bar.set_postfix_str(f"{self.articles / seconds:.1f} articles/s, {self.characters / seconds:,.0f} characters/s, "
                                      f"{self.faults} errors", refresh=False)
            self._bar.update(input_bytes)

    def fault(self, fault: ReadFault) -> None:
        """Tell of a fault, unless there were many already."""
        self.faults += 1
        if self.faults <= TOLD_FAULTS:
            tqdm.write(without_surrogates(f"skipped: {fault.render()}"), file=sys.stderr)
        elif self.faults == TOLD_FAULTS + 1:
            tqdm.write("skipped: more, which are no longer told here", file=sys.stderr)
