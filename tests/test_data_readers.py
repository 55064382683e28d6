"""Every form is read into the same article, and bad input costs nothing beside it."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from data.article import Article, dump_line
from data.errors import DataError
from data.readers import ReadFault, iter_articles, read_article

TEXT = "市中医院签约\n发布时间：2024-11-08\n11月8日，威海市中医院与威海市中心医院签约。\n"
PARAGRAPHS = "".join(
    f"<p>第{i}项：威海市<b>中医院</b>和威海市中心医院举行战略合作签约仪式，双方签署协议，共同推动医疗服务高质量发展，为市民服务。</p>"
    for i in range(8))
PAGE = f"""<!DOCTYPE html><html><head><meta charset="gb2312"><title>市中医院签约</title>
<meta property="og:site_name" content="威海市中医院"><meta name="pubdate" content="2024-11-08 10:00"></head><body>
<div class="nav"><ul><li><a href="/">首页</a></li></ul></div><article><h1>市中医院签约</h1>{PARAGRAPHS}</article>
<div class="comments" id="comments"><p>网友评论：真好</p></div><div class="footer">电话</div></body></html>"""


def articles(*paths: Path | str) -> list[Article]:
    found = list(iter_articles(paths))
    assert all(isinstance(item, Article) for item in found), found
    return [item for item in found if isinstance(item, Article)]


def faults(*paths: Path | str) -> list[ReadFault]:
    return [item for item in iter_articles(paths) if isinstance(item, ReadFault)]


def test_text_is_given_back_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.b.txt"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode("gbk"))
    assert read_article(path) == Article(id="a.b", text=TEXT, published="2024-11-08")
    assert articles(path) == [read_article(path)]
    assert read_article(TEXT.encode(), name="x.md").id == "x"


def test_a_page_gives_title_body_date_and_site(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(PAGE.encode("gb2312"))
    (article,) = articles(path)
    assert (article.id, article.published, article.publisher) == ("page", "2024-11-08", "威海市中医院")
    lines = article.text.split("\n")
    assert lines[0] == "市中医院签约" and lines[1].startswith("第0项：威海市中医院和") and len(lines) == 9
    assert "首页" not in article.text and "评论" not in article.text


def test_a_page_without_main_content_gives_all_visible_text() -> None:
    page = ("<?xml version='1.0' encoding='gbk'?><table><tr><td>甲<b>医</b>院<td>签约"
            "<script>var 乙</script><style>丙</style></table>")
    assert read_article(page.encode("gbk"), name="x.htm").text == "甲医院\n签约"
    with pytest.raises(DataError, match="expected a page with text, found none"):
        read_article(b"<html><script>1</script></html>", name="x.html")


def test_the_footer_of_a_page_names_the_publisher() -> None:
    page = PAGE.replace('<meta property="og:site_name" content="威海市中医院">', "")
    page = page.replace("电话", "版权所有：威海市中医院")
    assert read_article(page.encode("gbk"), name="x.html").publisher == "威海市中医院"


def test_jsonl_keeps_ids_and_good_lines_beside_broken_ones(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    good = [Article(id=f"n{i}", text=TEXT, published="2020-01-01") for i in range(3)]
    lines = [dump_line(good[0]).encode(), b"{broken", dump_line(good[1]).encode(), b'{"id": "\xff"}', b'{"id": "x"}',
             dump_line(good[2]).encode()]
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines) + b"\n")
    found = list(iter_articles([path]))
    assert [item for item in found if isinstance(item, Article)] == good
    assert {(item.place, item.reason.split(":")[0]) for item in found if isinstance(item, ReadFault)} == {
        ("line 2", "no valid JSON"), ("line 4", "expected UTF-8, found byte 0xff at 8"),
        ("line 5", "the key 'text' is missing")}


def test_gzip_of_each_form(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "b.html.gz").write_bytes(gzip.compress(PAGE.encode("gbk")))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(dump_line(Article(id="n1", text=TEXT)).encode()))
    assert [article.id for article in articles(tmp_path)] == ["a", "b", "n1"]
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT.encode())[:-9])
    (fault,) = faults(tmp_path)
    assert fault.source.endswith("a.txt.gz") and "expected gzip data, found it broken" in fault.reason


def test_folders_and_globs_are_sorted_and_a_file_comes_once(tmp_path: Path) -> None:
    for name in ("z.txt", "b/a.md", "a.txt", ".hidden.txt", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    assert [article.id for article in articles(tmp_path)] == ["a", "a", "z"]
    assert [article.id for article in articles(tmp_path / "z.txt", str(tmp_path / "*.txt"))] == ["z", "a"]
    assert [article.id for article in articles(str(tmp_path / "**" / "*.md"))] == ["a"]


@pytest.mark.parametrize(("name", "data", "reason"), [
    ("empty.txt", b"", "expected text, found an empty file"),
    ("picture.txt", b"\x89PNG\0\0", "binary data"),
    ("picture.png", b"\x89PNG\0\0", "(or one of them as .gz .bz2 .xz .zst), found .png"),
    ("empty.jsonl", b"\n", "expected articles, found an empty file"),
    ("cut.txt", "医院签约".encode()[:-1], "expected UTF-8, GB18030 or Big5, found byte 0xe7 at 9"),
])
def test_bad_input_never_costs_the_good_input_beside_it(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.txt").write_text(TEXT, encoding="utf-8")
    found = list(iter_articles([tmp_path / name, tmp_path / "missing.txt", tmp_path / "good.txt"]))
    bad, missing, good = found
    assert isinstance(bad, ReadFault) and reason in bad.reason and bad.source.endswith(name)
    assert isinstance(missing, ReadFault) and missing.reason == "no such file\n  repair: check the path"
    assert isinstance(good, Article)
    assert bad.render().startswith(f"{tmp_path / name}: expected")


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    assert "a folder without .txt" in faults(tmp_path)[0].reason
    assert "a pattern that matches no .txt" in faults(str(tmp_path / "*.txt"))[0].reason


@pytest.mark.parametrize(("data", "ids"), [
    (TEXT.encode(), ["stdin"]),
    (PAGE.encode("gbk"), ["stdin"]),
    (gzip.compress(TEXT.encode()), ["stdin"]),
    (b"".join(json.dumps({"id": name, "text": TEXT}).encode() + b"\n" for name in ("n1", "n2")), ["n1", "n2"]),
])
def test_standard_input_tells_its_form_by_its_beginning(monkeypatch: pytest.MonkeyPatch, data: bytes,
                                                        ids: list[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert [article.id for article in articles("-")] == ids


def test_one_article_is_not_read_from_many(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected one article, found JSONL"):
        read_article(b"{}", name="x.jsonl")
    with pytest.raises(DataError, match="no such file"):
        read_article(tmp_path / "none.txt")


def test_the_five_articles() -> None:
    found = articles("data/articles")
    assert [article.published for article in found] == ["2024-11-08", "2023-06-22", None, "2024-10-04", None]
    assert [article.text for article in found] == [
        path.read_text(encoding="utf-8") for path in sorted(Path("data/articles").glob("*.txt"))]
