"""brat standoff (Stenetorp et al. 2012, https://aclanthology.org/E12-2021): ``name.txt`` and ``name.ann``.

Offsets count code points and line ends as they stand in the file. ``T`` lines are spans, ``R`` lines binary relations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from data.article import Article, Entity, Relation
from data.errors import DataError, UsageError
from data.files import text_hash, write_text
from data.formats.base import Format, Ledger, count_unheld, numbered_lines, storable

_SPAN = re.compile(r"(?P<id>T[^\s]*)\t(?P<label>[^\s]+) (?P<start>\d+) (?P<end>\d+)\t(?P<text>.*)", re.DOTALL)
_DISCONTINUOUS = re.compile(r"T[^\s]*\t[^\s]+ \d+ \d+(?:;\d+ \d+)+\t.*", re.DOTALL)
_RELATION = re.compile(r"R[^\s]*\t(?P<type>[^\s]+) [^\s:]+:(?P<head>T[^\s]*) [^\s:]+:(?P<tail>T[^\s]*)\s*")
_KINDS = {"E": "brat events", "A": "brat attributes", "M": "brat attributes", "N": "brat normalisations",
          "#": "brat notes", "*": "brat equivalences"}
_UNSAFE = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f]|^\.')
_LONGEST_NAME = 200  # bytes; file systems allow 255, suffix and temporary name included


def read(path: Path, ledger: Ledger) -> Iterator[tuple[str, Article]]:
    """A folder of pairs, sorted by name, or one pair named by either of its files; a missing ``.ann`` is no annotation."""
    if path.is_dir():
        texts = sorted(path.glob("*.txt"))
        ledger.count(".ann files without a .txt", len({p.stem for p in path.glob("*.ann")} - {p.stem for p in texts}))
    else:
        texts = [path.with_suffix(".txt")]
    if not texts or not texts[0].is_file():
        raise DataError("expected NAME.txt beside NAME.ann, or a folder of such pairs", place=str(path),
                        repair="give the folder, or one of the two files of a pair")
    for text_path in texts:
        try:
            text = text_path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as fault:
            ledger.skip(text_path.name, f"expected UTF-8, found byte {fault.object[fault.start]:#04x} at {fault.start}")
            continue
        annotation = text_path.with_suffix(".ann")
        entities: list[Entity] = []
        relations: list[Relation] = []
        for line_number, line in numbered_lines(annotation, ledger) if annotation.is_file() else ():
            if line.strip():
                _read_line(line, f"{annotation.name}: line {line_number}", text, entities, relations, ledger)
        yield text_path.name, Article(id=unquote(text_path.stem), text=text, entities=tuple(entities),
                                      relations=tuple(relations))


def _read_line(line: str, place: str, text: str, entities: list[Entity], relations: list[Relation], ledger: Ledger) -> None:
    if match := _SPAN.fullmatch(line):
        start, end = int(match["start"]), int(match["end"])
        stands = text[start:end]
        # brat writes a line break inside a span as a space.
        said = stands if match["text"] == _one_line(stands) else match["text"]
        entities.append(Entity(id=match["id"], char_start=start, char_end=end, label=match["label"], text=said))
    elif match := _RELATION.fullmatch(line):
        relations.append(Relation(type=match["type"], head=match["head"], tail=match["tail"]))
    elif _DISCONTINUOUS.fullmatch(line):
        ledger.count("spans in several pieces")
    elif line[0] in _KINDS:
        ledger.count(_KINDS[line[0]])
    else:
        ledger.skip(place, f"expected a T or R line of brat standoff, found {line[:40]!r}")


def write(path: Path, articles: Sequence[Article], ledger: Ledger) -> None:
    """Write a pair an article into the folder ``path``; one article also to a path that ends with .txt or .ann.

    Raises:
        UsageError: several articles for one pair.
        DataError: two article ids make the same file name.
    """
    single = path.suffix in (".txt", ".ann")
    if single and len(articles) != 1:
        raise UsageError(f"one pair holds one article, found {len(articles)}", place=str(path),
                         repair=f"give a folder: {path.with_suffix('')}")
    count_unheld(articles, ledger, relations=True, metadata=False, scores=False)
    taken: set[str] = set()
    for article in articles:
        name = path.stem if single else _file_name(article.id, ledger)
        if name.casefold() in taken:
            raise DataError("two articles would get the same file name", place=name, repair="give them other ids")
        taken.add(name.casefold())
        target = (path.parent if single else path) / f"{name}.txt"
        text = storable(article.text, ledger)
        write_text(target, text)
        write_text(target.with_suffix(".ann"), "".join(f"{line}\n" for line in _lines(article, text, ledger)))


def _lines(article: Article, text: str, ledger: Ledger) -> Iterator[str]:
    # brat asks for ids such as T1.
    has_ids = all(re.fullmatch(r"T\d+", e.id) for e in article.entities)
    id_of = {e.id: e.id if has_ids else f"T{i}" for i, e in enumerate(article.entities, start=1)}
    ledger.count("entity ids that are not of the form T1", 0 if has_ids else len(article.entities))
    for e in article.entities:
        yield f"{id_of[e.id]}\t{_name(e.label, ledger)} {e.char_start} {e.char_end}\t{_one_line(text[e.char_start : e.char_end])}"
    for i, r in enumerate(article.relations, start=1):
        yield f"R{i}\t{_name(r.type, ledger)} Arg1:{id_of[r.head]} Arg2:{id_of[r.tail]}"


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n]", " ", text)


def _name(name: str, ledger: Ledger) -> str:
    """A label as brat can hold it: no white space."""
    held = re.sub(r"\s", "_", name)
    ledger.count("labels with white space, now _", held != name)
    return held


def _file_name(article_id: str, ledger: Ledger) -> str:
    """The id as a file name that leaves no folder; what is unsafe is percent-encoded, so that reading restores it."""
    name = _UNSAFE.sub(lambda m: f"%{ord(m[0]):02X}", storable(article_id, ledger)) or "%"
    if len(name.encode()) > _LONGEST_NAME:
        ledger.count("article ids too long for a file name")
        digest = text_hash(article_id)[:12]
        name = name.encode()[:60].decode("utf-8", "ignore") + "-" + digest
    return name


FORMAT = Format(name="brat", about="brat standoff: a folder of NAME.txt and NAME.ann, or one pair", read=read, write=write)
