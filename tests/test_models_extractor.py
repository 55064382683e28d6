"""The library's door: three lines, from many threads at once, in batches and streams, with typed results."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import models
from data.article import Article, Event
from data.documents import ReadFault
from models.document import Predictor
from models.extractor import Extractor

TEXTS = [f"{n}月8日，甲市中心医院与乙县人民医院签署战略合作协议，院长张三签字。" * (1 + n % 3) for n in range(1, 13)]


def test_three_lines(run_folder: Path) -> None:
    article = models.Extractor.load(run_folder).extract(TEXTS[0], published="2024-11-08")
    assert isinstance(article, Article) and article.model == "untrained" and article.published == "2024-11-08"
    assert all(isinstance(event, Event) for event in article.events) and article.events


def test_many_threads_read_what_one_reads(predictor: Predictor) -> None:
    extractor = Extractor(predictor)
    alone = [extractor.extract(text) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(extractor.extract, TEXTS * 3)) == alone * 3


def test_batches_and_streams(predictor: Predictor, tmp_path: Path) -> None:
    extractor = Extractor(predictor)
    batch = extractor.extract_batch([TEXTS[0], Article(id="x", text=TEXTS[1])])
    assert [a.id for a in batch] == ["text-1", "x"] and batch[0].entities == extractor.extract(TEXTS[0]).entities
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield TEXTS[0]

    assert next(iter(extractor.extract_all(endless()))).id == "text-1" and taken < 1000
    (tmp_path / "a.txt").write_text(TEXTS[0], encoding="utf-8")
    (tmp_path / "b.txt").touch()
    fault, article = extractor.extract_files([tmp_path])
    assert isinstance(fault, ReadFault) and isinstance(article, Article) and article.id == "a"
    assert extractor.extract_batch([]) == []


def test_the_package_itself_is_light() -> None:
    code = "import models, sys; assert 'torch' not in sys.modules; models.Extractor; assert 'torch' in sys.modules; models.none"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "AttributeError: module 'models' has no attribute 'none'" in ended.stderr
