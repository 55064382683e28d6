"""Freed memory goes back to the system while a run goes on, and kernels are bounded unless the user says otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from data.article import Article
from data.documents import RawDocument
from models import memory, shards
from models.memory import bound_kernels, give_back
from models.outputs import ARTICLES
from models.parts import ShardReport
from models.shards import Parsed, Reading


def resident_mib() -> int:
    return int(next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS")).split()[1]) // 1024


@pytest.mark.skipif(sys.platform != "linux" or not Path("/proc/self/status").is_file(), reason="the C library of Linux")
def test_freed_memory_is_given_back() -> None:
    pieces = [bytearray(5_000) for _ in range(20_000)]  # 100 MB in small pieces
    last = pieces[-1]
    pieces.clear()
    before = resident_mib()
    give_back()
    assert before - resident_mib() > 50 and len(last) == 5_000


def test_kernels_are_bounded_unless_the_user_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "7")
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "to be put back")
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY")
    bound_kernels()
    assert memory.os.environ["LRU_CACHE_CAPACITY"] == "7" and memory.os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == str(memory.KERNELS)


def test_a_run_gives_back_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    def extract(articles: Iterable[Article]) -> Iterator[Article]:
        yield from articles

    calls: list[int] = []
    monkeypatch.setattr(shards, "GIVE_BACK_ARTICLES", 4)
    monkeypatch.setattr(shards, "give_back", lambda: calls.append(1))
    document = RawDocument(source="a", place="", form=None, payload=b"", article_id="a")
    report = ShardReport()
    list(Reading(extract=extract, kind=ARTICLES).lines((Parsed(document=document, item=Article(id=str(n), text="院")) for n in range(9)), report))
    assert report.articles == 9 and len(calls) == 2
