"""The bench of inference on a few short articles: its articles, its rows, its picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.article import Article
from data.clean import clean_text
from models import bench_predict
from models.bench_curve import draw_curve
from models.throughput import matrix_peak, reading_flops


def test_the_articles_are_clean_and_the_same_each_time() -> None:
    made = bench_predict.make_articles(6)
    assert made == bench_predict.make_articles(6) and len({a.id for a in made}) == 6
    assert all(clean_text(a.text).text == a.text and not a.entities for a in made)


def test_each_means_has_its_row_and_spans_are_compared(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_predict, "STOCK_BATCHES", (1, 2))
    articles = [replace(a, text=a.text[:60]) for a in bench_predict.make_articles(3)]
    record = bench_predict.compare(run_folder, articles, rounds=1)
    assert record["rows"]["stock pipeline"]["factor"] == 1.0
    assert {"ours, same job", "ours, full path", "BertModel as it is", "end to end, bf16"} <= set(record["rows"])
    assert all(row["per_second"] > 0 for row in record["rows"].values())
    assert sum(record["spans"].values()) > 0 and 0 < record["peak_share"] < 1.5 and record["products_share"] > 0
    assert record["spans"]["pipeline and ours in float32: apart"] == 0
    assert "| ours, same job |" in bench_predict.table(record)


def test_the_pipeline_is_compared_where_an_article_fits_one_window(run_folder: Path) -> None:
    found = {"stock pipeline": [{(0, 2, "DATE")}, {(0, 2, "DATE")}], "stock's rule": [{(0, 2, "DATE")}, set()],
             "ours, same job": [{(0, 2, "DATE"), (3, 4, "ROLE")}, set()], "reference": [{(0, 2, "DATE")}, set()]}
    long = Article(id="b", text="今天院长在医院。" * 60)
    counts = bench_predict._agreement(found, _predictor(run_folder), [Article(id="a", text="今天院长"), long])
    assert counts == {"engine and BertModel: both": 1, "engine and BertModel: apart": 1,
                      "pipeline and ours in float32: both": 1, "pipeline and ours in float32: apart": 0}


def _predictor(run: Path):  # type: ignore[no-untyped-def]
    from models.run_folder import load_predictor

    return load_predictor(run, engine="torch")


def test_operations_are_those_of_the_matrices(run_folder: Path) -> None:
    config = _predictor(run_folder).model.config
    weights = sum(p.numel() for n, p in _predictor(run_folder).model.bert.named_parameters()
                  if ".layer." in n and p.ndim == 2)
    attention = 4 * config.num_hidden_layers * 10 * 10 * config.hidden_size
    assert reading_flops(config, length=10) == 2 * 10 * weights + attention
    assert matrix_peak(torch.device("cpu"), bf16=False, repeats=1) > 1e8


def test_the_curve_is_a_picture_of_every_point() -> None:
    points = [{"run": "a<b", "layers": 4, "width": 256, "engine": "torch", "relation_f1": 0.9, "entity_f1": 0.9,
               "characters_per_second": 8000.0},
              {"run": "student", "layers": 2, "width": 256, "engine": "torch-bf16", "relation_f1": 0.88, "entity_f1": 0.9,
               "characters_per_second": 30000.0}]
    picture = ElementTree.fromstring(draw_curve(points))
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 2
