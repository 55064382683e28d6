"""The file of the user's register of institutions: CSV rows to entries, and the form in which names are compared."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from data.clean import surface
from data.decode import decode_text
from data.errors import DataError
from data.names import split_place

COLUMNS = ("id", "name", "aliases", "region")
_SEPARATORS = re.compile(r"[\s·•.\-—_]+")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One institution of the register; names are kept as written, ``region`` may be empty."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    region: str = ""

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The places of its region, else of its name, the innermost first."""
        found: list[str] = []
        for part in re.split(r"[^\u4e00-\u9fff]+", surface(self.region)) if self.region else [normalise(self.name)]:
            cut = split_place(f"{part}人民医院" if self.region else part)
            units = [p for p in (cut.county, cut.city, cut.province) if p]
            found = (units or ([part] if self.region and part else [])) + found
        return tuple(found)


def normalise_all(names: Sequence[str]) -> list[str]:
    """:func:`normalise` of many names; cleaning one long text costs a hundredth of cleaning many short ones."""
    lines = surface("\n".join(name.replace("\n", " ") for name in names)).split("\n")
    if len(lines) != len(names):  # a name of which nothing is left took its line with it
        return [normalise(name) for name in names]
    return [_SEPARATORS.sub("", line) for line in lines]


@lru_cache(maxsize=65536)
def normalise(name: str) -> str:
    """The form in which names are compared: cleaned (simplified, half width, no glosses), without spaces and dashes."""
    return _SEPARATORS.sub("", surface(name))


def read_entries(path: Path | str) -> tuple[list[Entry], list[str]]:
    """Read a register: CSV with a header that names ``id`` and ``name``; ``aliases`` (separated by ``|``) and ``region``
    may be missing, other columns are passed over. UTF-8, GB18030 or Big5.

    Returns the entries, and a fault with its line for each row that was skipped: without id or name, or with an id or a
    name (in one region) that stands above.

    Raises:
        DataError: there is no such file, no such header, or no usable row.
    """
    repair = "id,name,aliases,region\\nH001,威海市中心医院,市中心医院|威海中心医院,山东省威海市"
    if not Path(path).is_file():
        raise DataError("no such file", place=str(path), repair="check the path")
    rows = csv.reader(io.StringIO(decode_text(Path(path).read_bytes(), place=str(path))))
    header = [cell.strip().lower() for cell in next(rows, [])]
    if missing := [c for c in COLUMNS[:2] if c not in header]:
        raise DataError(f"expected a header with {', '.join(COLUMNS)}; {' and '.join(missing)} is missing in {header[:8]}",
                        place=f"{path}: line 1", repair=repair)
    faults: list[str] = []
    found = [(line, row, _entry(header, row)) for line, row in _rows(rows, faults, str(path))]
    keys = zip(normalise_all([e.name for _, _, e in found]), normalise_all([e.region or "-" for _, _, e in found]), strict=True)
    entries: list[Entry] = []
    ids: dict[str, int] = {}
    names: dict[tuple[str, str], int] = {}
    for (line, row, entry), key in zip(found, keys, strict=True):
        if len(row) > len(header):
            fault = f"expected {len(header)} cells, found {len(row)}; quote a cell that holds a comma"
        elif not entry.id:
            fault = "no id"
        elif not key[0]:
            fault = "no name"
        elif entry.id in ids:
            fault = f"the id {entry.id} stands in line {ids[entry.id]}"
        elif key in names:
            fault = f"the name {entry.name} stands in line {names[key]} for the same region"
        else:
            ids[entry.id] = names[key] = line
            entries.append(entry)
            continue
        faults.append(f"{path}: line {line}: {fault}")
    if not entries:
        raise DataError("no usable row" + "".join(f"\n  {f}" for f in faults[:10]), place=str(path), repair=repair)
    return entries, faults


def _entry(header: Sequence[str], row: Sequence[str]) -> Entry:
    cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
    return Entry(id=cells.get("id", ""), name=cells.get("name", ""), region=cells.get("region", ""),
                 aliases=tuple(a.strip() for a in re.split(r"[|｜]", cells.get("aliases", "")) if a.strip()))


def _rows(rows: Iterator[list[str]], faults: list[str], place: str) -> Iterator[tuple[int, list[str]]]:
    """``(line number, cells)`` of each row that is not empty; a row that csv cannot read is a fault."""
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as fault:
            faults.append(f"{place}: line {rows.line_num}: {fault}")  # type: ignore[attr-defined]
            continue
        if any(cell.strip() for cell in row):
            yield rows.line_num, row  # type: ignore[attr-defined]
