"""What was made fast says the same as what it replaced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.article import Article
from data.clean import clean_text, surface
from data.errors import UsageError
from data.schema import Schema
from data.tags import TokenSpan, legal_transitions, tags_to_spans
from models import fast_bert, packing
from models.decoding import ILLEGAL, decode_spans, viterbi
from models.document import Predictor
from models.engines import ENGINES, choose_engine, engine_device, native_bf16
from models.fast_bert import FastEngine


@given(st.text(alphabet="医院醫聯乾隆县A1a(（)）yī?？;！![]“” \n\t　—·\u200b", max_size=12))
def test_a_short_string_takes_the_short_way_only_where_cleaning_changes_nothing(text: str) -> None:
    assert surface(text) == clean_text(text).text.strip()


def test_decoding_equals_the_search_over_each_sentence(hospital: Schema) -> None:
    rng = np.random.default_rng(5)
    steps = np.where(legal_transitions(hospital), 0.0, ILLEGAL)
    for _ in range(30):
        count = int(rng.integers(1, 40))
        logits = rng.normal(0, 3, (count, len(hospital.tags))).astype(np.float32)
        cuts = np.sort(rng.integers(0, 4, count))
        log_probs = logits - logits.max(axis=1, keepdims=True)
        log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
        expected = []
        for sentence in np.unique(cuts):
            at = np.flatnonzero(cuts == sentence)
            for span in tags_to_spans(viterbi(log_probs[at], steps, np.array([0, len(at)]))):
                expected.append((span.token_start + at[0], span.token_end + at[0], span.label))
        assert [s.key for s in decode_spans(logits, hospital, cuts)] == expected
        assert all(isinstance(s, TokenSpan) and 0 < s.score <= 1 for s in decode_spans(logits, hospital, cuts))


def _scores(predictor: Predictor, articles: list[Article], engine: FastEngine | None) -> tuple[torch.Tensor, torch.Tensor]:
    batch = predictor.encoder.batch([predictor.encoder.encode(a) for a in articles])
    with torch.inference_mode():
        return replace(predictor, engine=engine)._engine().read(batch)


@pytest.mark.parametrize("bucket", [True, False])
def test_the_lean_encoder_computes_what_the_model_does(predictor: Predictor, seeds: list[Article], bucket: bool) -> None:
    articles = [*seeds, Article(id="empty", text=""), Article(id="short", text="甲医院。")]
    engine = FastEngine(predictor.model, dtype=torch.float32, bucket=bucket)
    for ours, theirs in zip(_scores(predictor, articles, engine), _scores(predictor, articles, None), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=12), limit=st.integers(1, 300))
def test_windows_end_to_end_say_what_rows_say(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch, lengths: list[int], limit: int,
) -> None:
    monkeypatch.setitem(fast_bert.PIECE_TOKENS, "cpu", limit)
    articles = [Article(id=str(i), text=("甲医院与乙大学签约。" * 8)[i % 5:][:length]) for i, length in enumerate(lengths)]
    packed, rows = (FastEngine(predictor.model, dtype=torch.float32, packed=p) for p in (True, False))
    for ours, theirs in zip(_scores(predictor, articles, packed), _scores(predictor, articles, rows), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_short_windows_share_a_call_and_keys_come_in_steps(predictor: Predictor) -> None:
    articles = [Article(id=str(i), text="甲医院" * size) for i, size in enumerate((2, 3, 1, 60))]
    batch = predictor.encoder.batch([predictor.encoder.encode(a) for a in articles])
    [pack] = packing.pack(batch, 4096, torch.device("cpu"))
    assert len(pack.blocks) < len(batch.input_ids) and pack.blocks[0].end <= packing.SHARED_TOKENS
    assert pack.blocks[0].end >= 8 + 11 + 5  # [CLS] and [SEP] included
    assert all((b.key_end - b.start) % packing.KEY_STEP == 0 for b in pack.blocks)
    assert len(pack.input_ids) >= max(b.key_end for b in pack.blocks) >= pack.count and not len(pack.input_ids) % packing.PACK_STEP


def test_articles_come_out_alike_and_bf16_stays_near(predictor: Predictor, seeds: list[Article]) -> None:
    # An untrained model finds a mention everywhere; whole articles of that would take the document step minutes.
    seeds = [replace(a, text=a.text[:150], entities=(), relations=(), events=()) for a in seeds]
    lean = replace(predictor, engine=FastEngine(predictor.model, dtype=torch.float32))
    expected, found = list(predictor.predict(seeds)), list(lean.predict(seeds))
    assert [[(e.char_start, e.char_end, e.label) for e in a.entities] for a in found] == [
        [(e.char_start, e.char_end, e.label) for e in a.entities] for a in expected]
    half = FastEngine(predictor.model, dtype=torch.bfloat16)
    for ours, theirs in zip(_scores(predictor, seeds, half), _scores(predictor, seeds, None), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, atol=0.1, rtol=0.1)


def test_a_gpu_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_device("torch") == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [engine_device(name) for name in ENGINES[1:]] == ["cuda", "cuda", "cpu", "cpu"]


def test_engines_are_known_by_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert [choose_engine(name, tmp_path) for name in ENGINES[1:]] == list(ENGINES[1:])
    assert choose_engine("auto", tmp_path) == ("torch-bf16" if native_bf16() else "torch")
    with pytest.raises(UsageError, match="onnx-int8"):
        choose_engine("tensorrt", tmp_path)


@pytest.mark.parametrize(("flags", "native"), [
    ("fpu avx2 amx_bf16 amx_tile", True), ("fpu avx512f avx512_bf16", True), ("fpu avx512f avx512_vnni", False)])
def test_bf16_is_used_where_the_cpu_computes_it(tmp_path, monkeypatch, flags: str, native: bool) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "cpuinfo").write_text(f"model name\t: X\nflags\t\t: {flags}\n", encoding="utf-8")
    assert native_bf16(tmp_path / "cpuinfo") is native
    assert not native_bf16(tmp_path / "none")
