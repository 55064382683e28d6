"""Archives, compressed files, tables, JSON and WARC are read as streams; what is hostile or broken costs only itself."""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import json
import lzma
import os
import tarfile
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from data.archives import unsafe_name
from data.article import Article
from data.compressed import Limits, read_limited, unpacked
from data.documents import RawDocument, ReadFault, iter_documents, parse_document
from data.errors import DataError
from data.readers import iter_articles
from data.records import Columns

TEXT = "市中医院签约\n发布时间：2024-11-08\n11月8日，威海市中医院与威海市中心医院签约。\n"
SMALL = Limits(document_bytes=10_000, free_bytes=10_000, ratio=50)


def read(*paths: Path | str, columns: Columns | None = None, dropped: Counter[str] | None = None, limits: Limits | None = None
         ) -> tuple[list[Article], dict[str, str]]:
    names, articles, faults = columns or Columns(), [], {}
    for item in iter_documents([str(p) for p in paths], columns=names, dropped=dropped, **({"limits": limits} if limits else {})):
        found = parse_document(item, columns=names, **({"limits": limits} if limits else {})) if isinstance(item, RawDocument) else item
        if isinstance(found, ReadFault):
            faults[found.place or Path(found.source).name] = found.reason
        else:
            articles.append(found)
    return articles, faults


def tar_of(members: dict[str, bytes], path: Path, mode: str) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


MEMBERS = {"新闻/一.txt": TEXT.encode("gbk"), "../evil.txt": TEXT.encode(), "/abs.txt": TEXT.encode(), "C:\\x.txt": TEXT.encode(),
           "m.jsonl": json.dumps({"id": "q", "text": TEXT}).encode() + b"\n{bad\n", "in.zip": b"PK", "t.txt.gz": gzip.compress(TEXT.encode()),
           "b.txt.gz": gzip.compress(TEXT.encode())[:-9], "rows.csv": ("id,text\n7,\"" + TEXT + "\"\n").encode(), "picture.png": b"\x89",
           ".hidden.txt": b"x", "leer.txt": b""}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_archives_are_read_member_by_member(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in MEMBERS.items():
                archive.writestr(member, data)
    else:
        tar_of(MEMBERS, path, {"a.tar": "w"}.get(name, f"w:{name.replace('tgz', 'gz').rpartition('.')[2]}"))
    dropped: Counter[str] = Counter()
    articles, faults = read(path, dropped=dropped)
    assert {a.id: a.text for a in articles} == dict.fromkeys(("一", "q", "t", "7"), TEXT)
    assert all("leads out" in faults[m] for m in ("../evil.txt", "/abs.txt", "C:\\x.txt"))
    assert "no valid JSON" in faults["m.jsonl: line 2"] and "inside an archive" in faults["in.zip"]
    assert "found it broken" in faults["b.txt.gz"] and "empty file" in faults["leer.txt"]
    assert ("link.txt" in faults) is not name.endswith("zip")
    assert dropped == {"of another form (.png)": 1, "hidden": 1}
    assert not any(p for p in tmp_path.parent.rglob("evil.txt"))


def test_names_that_lead_out() -> None:
    assert all(map(unsafe_name, ("../a", "a/../../b", "/a", "\\a", "C:a", "a\\..\\b", "a\nb", "")))
    assert not any(map(unsafe_name, ("a", "a..b/c", "医院/新闻.txt")))


def test_a_zip_with_names_in_gbk(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("XXXX.txt", TEXT)
    (tmp_path / "a.zip").write_bytes(data.getvalue().replace(b"XXXX", "丙院".encode("gbk")))
    assert [a.id for a in read(tmp_path / "a.zip")[0]] == ["丙院"]


def test_a_broken_member_costs_only_itself(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.txt", TEXT)
        archive.writestr("two.txt", TEXT)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(data)
    articles, faults = read(tmp_path / "a.zip")
    assert [a.id for a in articles] == ["two"] and "Bad CRC" in faults["one.txt"]
    (tmp_path / "a.zip").write_bytes(data[:-30])
    assert "expected a zip archive" in read(tmp_path / "a.zip")[1]["a.zip"]
    (tmp_path / "b.tar").write_bytes(b"no tar" * 200)
    assert "expected a tar archive" in read(tmp_path / "b.tar")[1]["b.tar"]


@pytest.mark.parametrize("name", ["bomb.txt.gz", "bomb.txt.bz2", "bomb.txt.xz", "bomb.txt.zst", "bomb.jsonl.gz", "bomb.tar.gz", "bomb.zip"])
def test_bombs_are_refused_and_not_unpacked(tmp_path: Path, name: str) -> None:
    path, zeros = tmp_path / name, b"\n" * 20_000_000
    if name == "bomb.zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", zeros)
    elif name == "bomb.tar.gz":
        tar_of({"a.jsonl": zeros}, path, "w:gz")
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": lambda d: pa.compress(d, codec="zstd", asbytes=True)}
        path.write_bytes(pack[path.suffix](zeros))
    (tmp_path / "good.txt").write_text(TEXT, encoding="utf-8")
    del zeros
    tracemalloc.start()
    articles, faults = read(path, tmp_path / "good.txt", limits=SMALL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [a.id for a in articles] == ["good"] and len(faults) <= 2
    assert any(part in reason for reason in faults.values() for part in ("taken for a bomb", "found a longer one"))
    assert peak < 10_000_000  # the dictionary of xz takes 8 MiB


def test_a_bomb_among_the_members_costs_itself(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("a.txt", TEXT), ("bomb.txt", "\n" * 20_000_000), ("z.txt", TEXT)):
            archive.writestr(name, data)
    articles, faults = read(tmp_path / "a.zip", limits=SMALL)
    assert [a.id for a in articles] == ["a", "z"] and list(faults) == ["bomb.txt"] and "taken for a bomb" in faults["bomb.txt"]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_compressed_files_of_each_kind(tmp_path: Path, suffix: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": lambda d: pa.compress(d, codec="zstd", asbytes=True)}[suffix]
    data = pack(TEXT.encode())
    (tmp_path / f"a.txt{suffix}").write_bytes(data + (data if suffix != ".zst" else b""))
    (tmp_path / f"cut.txt{suffix}").write_bytes(data[:-5])
    articles, faults = read(tmp_path)
    assert [(a.id, a.published) for a in articles] == [("a", "2024-11-08")]
    assert "found it broken" in faults[f"cut.txt{suffix}"]


def test_a_document_has_a_limit() -> None:
    with pytest.raises(DataError, match="expected a document of at most"):
        read_limited(unpacked(io.BytesIO(b"x" * 10_001), place="x"), place="x", limits=SMALL)
    assert len(read_limited(io.BytesIO(b"x" * 10_000), place="x", limits=SMALL)) == 10_000


def test_a_line_that_is_too_long_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("x" * 20_000 + "\n" + json.dumps({"id": "b", "text": TEXT}), encoding="utf-8")
    articles, faults = read(tmp_path / "a.jsonl", limits=SMALL)
    assert [a.id for a in articles] == ["b"] and "a longer one" in faults["line 1"]


CHINESE = Columns(text="正文", id="编号", published="日期", publisher="来源", title="标题")


@pytest.mark.parametrize(("encoding", "delimiter", "name"), [("utf-8", ",", "a.csv"), ("utf-8-sig", ";", "a.csv"), ("gb18030", ",", "a.csv"),
                                                             ("utf-16", "\t", "a.csv"), ("utf-8", "\t", "a.tsv.gz")])
def test_tables_with_columns_of_any_name(tmp_path: Path, encoding: str, delimiter: str, name: str) -> None:
    rows = [["编号", "标题", "正文", "日期", "来源"], ["1", "签约了", '"甲院，\n与乙院"', "2024/3/4 10:00", "某报"], ["", "", '"丙院"', "近日", ""],
            ["3", "", "", "", ""]]
    data = "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    articles, faults = read(tmp_path / name, columns=CHINESE)
    assert articles == [Article(id="1", text="签约了\n甲院，\n与乙院", published="2024-03-04", publisher="某报"), Article(id="a-2", text="丙院")]
    assert "expected text" in faults["row 3"]


def test_bytes_of_another_encoding_cost_their_row(tmp_path: Path) -> None:
    padded = tmp_path / "b.csv"
    padded.write_bytes(b"id,text\n" + "1,甲院\n".encode() * 9000 + "2,丙院\n".encode("gbk") + "3,丙院\n".encode())
    articles, faults = read(padded)
    assert articles[-1].id == "3" and list(faults) == ["row 9001"]
    padded.write_bytes(b"title,text,publisher\n" + "甲,甲院,某报\n".encode() * 9000 + b"\xbc\xd7,a,b\n" + b"d,e,\xd2\n")
    articles, faults = read(padded, columns=Columns(title="title"))
    assert list(faults) == ["row 9001"] and (articles[-1].text, articles[-1].publisher) == ("d\ne", "\ufffd")


def test_parquet_rows_and_a_column_that_is_not_there(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"text": [TEXT, None], "id": [1, 2], "published": [datetime.datetime(2024, 3, 4, 5), None]}), tmp_path / "a.parquet")
    articles, faults = read(tmp_path / "a.parquet")
    assert [(a.id, a.published) for a in articles] == [("1", "2024-03-04")] and "expected text" in faults["row 2"]
    assert "expected a column '正文', found text, id, published" in read(tmp_path / "a.parquet", columns=CHINESE)[1]["a.parquet"]
    odd = {"text": [TEXT.encode("gbk"), b"\0\1", TEXT.encode(), TEXT.encode()], "id": [7.0, float("nan"), None, 8.0],
           "published": [20240305, 20241399, 5, None], "publisher": [["a", "list"], None, ["x"], None]}
    parquet.write_table(pa.table(odd), tmp_path / "odd.parquet")
    articles, faults = read(tmp_path / "odd.parquet")
    assert [(a.id, a.text) for a in articles] == [("7.0", TEXT), ("odd-3", TEXT), ("8.0", TEXT)] and "binary data" in faults["row 2"]
    assert [a.published for a in articles] == ["2024-03-05", "2024-11-08", "2024-11-08"] and {a.publisher for a in articles} == {None}
    (tmp_path / "b.parquet").write_bytes(b"PAR1 broken")
    assert "expected a Parquet table" in read(tmp_path / "b.parquet")[1]["b.parquet"]


def test_json_documents_and_json_that_is_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps([{"id": "1", "text": TEXT}, 3, {"id": "2"}]), encoding="utf-8")
    (tmp_path / "one.json").write_text(json.dumps({"编号": "x", "正文": TEXT}), encoding="utf-8")
    (tmp_path / "manifest.json").write_text('{"version": 1}', encoding="utf-8")
    articles, faults = read(tmp_path / "list.json")
    assert [a.id for a in articles] == ["1"] and set(faults) == {"record 2", "record 3"}
    dropped: Counter[str] = Counter()
    assert [a.id for a in read(tmp_path, columns=Columns(text="正文", id="编号"), dropped=dropped)[0]] == ["x"]
    assert dropped == {"JSON files without articles": 2}
    assert "expected articles with the key 'text'" in read(tmp_path / "manifest.json")[1]["manifest.json"]


def test_warc_gives_the_pages_of_good_responses(tmp_path: Path) -> None:
    pytest.importorskip("warcio")
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    page = f"<html><head><title>签约</title></head><body><p>{TEXT}</p></body></html>".encode()
    with (tmp_path / "a.warc.gz").open("wb") as stream:
        writer = WARCWriter(stream, gzip=True)
        for url, status, kind in (("http://a/1.html", "200 OK", "text/html; charset=utf-8"), ("http://a/2", "404 Not Found", "text/html"),
                                  ("http://a/3.png", "200 OK", "image/png")):
            headers = StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.1")
            writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(page), http_headers=headers))
    dropped: Counter[str] = Counter()
    articles, faults = read(tmp_path / "a.warc.gz", dropped=dropped)
    assert [a.id for a in articles] == ["1"] and not faults and "签约" in articles[0].text
    assert dropped == {"WARC records of another kind (response)": 2}


def test_urls_are_read_through_fsspec(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": "b", "text": TEXT}), encoding="utf-8")
    for url in (tmp_path.as_uri(), f"{tmp_path.as_uri()}/*"):
        assert [a.id for a in read(url)[0]] == ["a", "b"]
    assert "no such file" in next(iter(read(f"{tmp_path.as_uri()}/none.txt")[1].values()))


def test_documents_tell_one_input_from_another(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    seen = set()
    for text in ("甲", "乙"):
        path.write_text(json.dumps({"id": "b", "text": text}), encoding="utf-8")
        (document,) = iter_documents([str(path)], columns=Columns())
        assert isinstance(document, RawDocument) and document.input_bytes == path.stat().st_size
        seen.add(document.identity())
    assert len(seen) == 2


def test_standard_input_may_be_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.txt", TEXT)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data.getvalue())))
    assert [a.id for a in iter_articles(["-"]) if isinstance(a, Article)] == ["a"]


def test_packed_standard_input_that_cannot_seek(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(writing, "wb") as stream:
        stream.write(gzip.compress(json.dumps({"id": "q", "text": TEXT}).encode()))
    with open(reading, encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        articles, faults = read("-")
    assert [a.id for a in articles] == ["q"] and not faults
