"""Some hundreds of damaged documents, of which `python -m models.soak` reads ten thousand: no crash, every span in its place."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.article import Article
from data.fuzz import ODD, mutated_bytes, mutated_text
from models.document import Predictor
from models.extractor import Extractor
from models.soak import check_article, main, soak


@pytest.fixture(scope="module")
def calm(make_model, tokenizer, hospital) -> Predictor:
    """Untrained, and no relation reaches its threshold: what is looked at here is spans."""
    from models.run_folder import predictor_of

    return predictor_of(make_model(hospital, hints=True, thresholds={r.name: 0.999 for r in hospital.relations}), tokenizer, name="untrained")


def test_hundreds_of_damaged_documents(calm: Predictor, seeds: list[Article]) -> None:
    counts = soak(Extractor(calm), [a.text[:200] for a in seeds], documents=300, seed=7)
    assert counts["documents"] == 300 and counts["articles"] > 150 and counts["faults"] > 20 and counts["entities"] > 1000
    assert counts["wrong"] == 0 and counts["model faults"] == 0


def test_mutations_are_the_same_in_every_run() -> None:
    text = "甲医院与乙医院签约。" * 9
    assert mutated_bytes(text, random.Random(1)) == mutated_bytes(text, random.Random(1))
    assert len({mutated_text(text, random.Random(n)) for n in range(50)}) > 40


def test_a_wrong_span_is_found(calm: Predictor) -> None:
    from dataclasses import replace

    article = Extractor(calm).extract("11月8日，甲市中心医院与乙县人民医院签署战略合作协议。")
    assert article.entities and not check_article(article)
    moved = replace(article, entities=tuple(replace(e, char_start=e.char_start + 1, char_end=e.char_end + 1) for e in article.entities))
    assert check_article(moved)


@settings(max_examples=40)
@given(st.lists(st.one_of(st.sampled_from(ODD), st.sampled_from(["甲市中心医院", "与", "11月8日", "签署协议", "院长张三", "\n", "。"]), st.text(max_size=9)), max_size=30))
def test_any_text_keeps_its_offsets(calm: Predictor, pieces: list[str]) -> None:
    article = next(iter(calm.predict([Article(id="x", text="".join(pieces))])))
    assert article.text == "".join(pieces) and not check_article(article)


def test_the_command(calm: Predictor, tmp_path: Path, call) -> None:
    from models.run_folder import save_run

    save_run(tmp_path / "run", calm.model, calm.encoder.tokenizer, {})
    said = call(main, "--model", tmp_path / "run", "--documents", 5)
    assert said.code == 0 and "0 wrong" in said.out
    assert call(main, "--help").code == 0
