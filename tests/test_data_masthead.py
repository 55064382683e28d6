"""Only what a page says plainly is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.masthead import Masthead, read_masthead

KNOWN = {
    "000": ("2024-11-08", None),
    "001": ("2023-06-22", "德州市妇幼保健院"),
    "002": (None, None),
    "003": ("2024-10-04", "沧州市中心医院"),
    "004": (None, "荆楚网"),
}


@pytest.mark.parametrize("path", sorted(Path("data/articles").glob("*.txt")), ids=lambda path: path.name[:3])
def test_the_five_articles(path: Path) -> None:
    published, publisher = KNOWN[path.name[:3]]
    assert read_masthead(path.read_text(encoding="utf-8")) == Masthead(published=published, publisher=publisher)


@pytest.mark.parametrize(("text", "day"), [
    ("标题\n发布时间：2024-11-08 浏览：3", "2024-11-08"),
    ("標題\n發(fā)布日期:2024/1/8", "2024-01-08"),
    ("标题\n发布于 2024年1月8日", "2024-01-08"),
    ("标题\n2024-10-04 20:03:20    74人浏览", "2024-10-04"),
    ("标题\n2024年10月4日\n正文", "2024-10-04"),
    ("标题\n日期：2024.10.4", "2024-10-04"),
    ("标题\n更新时间：2024-12-01\n发布时间：2024-11-08", "2024-11-08"),
    ("标题\n更新时间：2024-12-01", "2024-12-01"),
    ("标题\n发布时间：2024-13-45", None),
    ("标题\n2024年10月4日,两院签约。", None),
    ("标题\n活动时间：2024-10-04", None),
    ("标题\n" + "一" * 90 + "发布时间：2024-11-08", None),
    ("\n".join(f"第{i}行" for i in range(12)) + "\n发布时间：2024-11-08", None),
    ("", None),
])
def test_published(text: str, day: str | None) -> None:
    assert read_masthead(text).published == day


@pytest.mark.parametrize(("text", "name"), [
    ("欢迎访问 沧州市中心医院 官方网站!\n正文", "沧州市中心医院"),
    ("标题\n来源：威海市中医院 作者：张三", "威海市中医院"),
    ("标题\n发布时间:2023-06-22 08:28:12 德州市婦幼保健院【宣傳科】", "德州市妇幼保健院"),
    ("荆楚网（湖北日报网）讯（通讯员 张三）某院", "荆楚网"),
    ("新华社北京10月2日电 某院", "新华社"),
    ("湖北日报讯（记者 张三）某院", "湖北日报"),
    ("本报讯（记者 张三）某院", None),
    ("正文\n主办单位│沧州市中心医院\n电话", "沧州市中心医院"),
    ("正文\n版权所有：威海市中医院 备案", "威海市中医院"),
    ("正文\n版权所有 违者必究", None),
    ("该院通过来源：多种渠道", None),
    ("", None),
])
def test_publisher(text: str, name: str | None) -> None:
    assert read_masthead(text).publisher == name
