"""Plain text of any compression becomes clean lines without duplicates, each with its weight."""

from __future__ import annotations

import gzip
import lzma
from collections import Counter
from pathlib import Path

import pytest

from data.errors import DataError
from data.text_corpus import frequent_characters, iter_lines, read_corpus_lines, sampled_shingles, text_files

LONG = "本市中心医院昨天上午举行了新门诊楼的启用仪式，附近的居民来了上千人，院长带着大家参观了每一层楼，并一一介绍了新设备的用处和挂号的办法。"
LONG += "到场的还有三家兄弟单位的代表，他们看完以后都说，这样的门诊楼在全省也数得着，回去要照着样子改一改自己的大厅。"


def test_plain_xz_and_gz_are_read_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("甲\n", encoding="utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("乙\n".encode()))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.txt.xz").write_bytes(lzma.compress("丙\n".encode()))
    (tmp_path / "d.html").write_text("丁", encoding="utf-8")
    files = text_files([tmp_path])
    assert [line.strip() for f in files for line in iter_lines(f)] == ["甲", "乙", "丙"]


@pytest.mark.parametrize(("name", "data", "said"), [
    ("a.txt", "甲".encode("gb18030"), "expected UTF-8"), ("a.txt.gz", b"no gzip", "compressed data is broken"),
    ("a.txt.xz", b"no xz", "compressed data is broken")])
def test_a_broken_file_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=said) as caught:
        list(iter_lines(tmp_path / name))
    assert name in str(caught.value)


def test_missing_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such text"):
        text_files([tmp_path / "none"])
    with pytest.raises(DataError, match="found none"):
        text_files([tmp_path])


def test_short_doubled_and_nearly_doubled_lines_go_and_are_counted(tmp_path: Path) -> None:
    other = "一个与此无关的段落，讲的是河边的树在秋天怎样一片一片地落下叶子，扫地的老人又怎样把它们一堆一堆地装上车子拉走。"
    lines = ["太短", LONG, LONG, LONG.replace("上千人", "近千人"), other]
    (tmp_path / "a.txt").write_text("\n".join(lines), encoding="utf-8")
    counts: Counter[str] = Counter()
    kept = list(read_corpus_lines([tmp_path / "a.txt"], {"医院": 3.0, "门诊": 2.0}, counts))
    assert [weight for _, weight in kept] == [3.0, 1.0]
    assert kept[0][0].startswith("本市中心医院昨天上午举行了新门诊楼的启用仪式,附近")  # as the model reads it
    assert {k: counts[k] for k in ("lines read", "too short", "exact duplicate", "near-duplicate", "lines kept")} == {
        "lines read": 5, "too short": 1, "exact duplicate": 1, "near-duplicate": 1, "lines kept": 2}


def test_shingles_depend_on_the_text_alone() -> None:
    assert sampled_shingles(LONG * 4) == sampled_shingles(LONG * 4) != []
    assert sampled_shingles("短") == []
    assert set(sampled_shingles(LONG * 4)) <= set(sampled_shingles(LONG * 4 + "后面还有别的话。"))


def test_characters_are_counted_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("签约签约\n", encoding="utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("签院\n".encode()))
    files = text_files([tmp_path])
    assert frequent_characters(files, 3) == ["签"] and set("签约院") <= set(frequent_characters(files, 1))
