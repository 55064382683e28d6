"""Articles to tensors, exactly, and every token span back to its raw characters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from data.article import Article, Entity, Relation
from data.schema import Schema, restrict, schema_from_dict
from data.tags import TokenSpan
from models.inputs import WIDTH_STEP, GoldPair, TextEncoder, tag_targets, token_range
from models.reading_heads import ReadingHeads

TINY = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "一", "二", "三", "四", "五", "。", "六"])}


@pytest.fixture
def tiny(hospital: Schema) -> TextEncoder:
    """Windows of five tokens and at most two of overlap, over a vocabulary of six characters and a full stop."""
    return TextEncoder(tokenizer=BertTokenizer(vocab=dict(TINY)), schema=hospital, max_tokens=7, overlap_tokens=2)


def entity(text: str, start: int, end: int, label: str, name: str = "T1") -> Entity:
    return Entity(id=name, char_start=start, char_end=end, label=label, text=text[start:end])


def test_exact_tensors_of_a_batch(tiny: TextEncoder) -> None:
    # Two windows of whole sentences (3 + 2 tokens, then 2 + 3), and a second, shorter article.
    first = tiny.encode(Article(id="a", text="一二。三。四五。"))
    second = tiny.encode(Article(id="b", text="六七"))
    assert [(w.token_start, w.token_end) for w in first.windows] == [(0, 5), (3, 8)]
    batch = tiny.batch([first, second])
    assert batch.input_ids.tolist() == [
        [2, 5, 6, 10, 7, 10, 3],
        [2, 7, 10, 8, 9, 10, 3],
        [2, 11, 1, 3, 0, 0, 0],
    ]
    assert batch.attention_mask.tolist() == [[1] * 7, [1] * 7, [1, 1, 1, 1, 0, 0, 0]]
    # Tokens 3 and 4 lie in both windows: 3 is farther from the edge in the first (1 against 0), 4 in the second.
    assert batch.token_index.tolist() == [1, 2, 3, 4, 9, 10, 11, 12, 15, 16]
    assert batch.token_counts == [8, 2]
    assert batch.input_ids.flatten()[batch.token_index].tolist() == [5, 6, 10, 7, 10, 8, 9, 10, 11, 1]
    assert batch.token_types.tolist() == [[0] * 7] * 3
    assert all(t.dtype == torch.int64 for t in (batch.input_ids, batch.token_types, batch.attention_mask, batch.token_index))


def test_hints_go_along_with_their_tokens(tiny: TextEncoder) -> None:
    encoded = tiny.encode(Article(id="a", text="一二。三。四五。"))
    types = np.arange(1, 9)
    batch = tiny.batch([replace(encoded, token_types=types)])
    assert batch.token_types.tolist() == [[0, 1, 2, 3, 4, 5, 0], [0, 4, 5, 6, 7, 8, 0]]
    assert batch.token_types.flatten()[batch.token_index].tolist() == types.tolist()


def test_the_encoded_article_counts_sentences_lines_and_offsets(tiny: TextEncoder) -> None:
    encoded = tiny.encode(Article(id="a", text="一二。\n三。四"))
    assert encoded.token_ids.tolist() == [5, 6, 10, 7, 10, 8]
    assert encoded.token_char_start.tolist() == [0, 1, 2, 4, 5, 6] and encoded.token_char_end.tolist() == [1, 2, 3, 5, 6, 7]
    assert encoded.sentence_of_token.tolist() == [0, 0, 0, 1, 1, 2]
    assert encoded.line_of_token.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", ["", " \n ", "\u200b"])
def test_an_article_without_a_token_keeps_the_shapes_legal(tiny: TextEncoder, text: str) -> None:
    empty = tiny.encode(Article(id="a", text=text))
    batch = tiny.batch([empty])
    assert batch.input_ids.shape[0] == 1 and batch.input_ids[0, 0] == 2
    assert batch.attention_mask.sum() >= 1
    assert batch.token_index.tolist() == [] and batch.token_counts == [0]
    beside = tiny.batch([empty, tiny.encode(Article(id="b", text="一"))])
    assert beside.input_ids.tolist() == [[2, 5, 3, 0, 0, 0, 0]] and beside.token_index.tolist() == [1]


@pytest.mark.parametrize(("characters", "width"), [(1, WIDTH_STEP), (WIDTH_STEP - 2, WIDTH_STEP), (WIDTH_STEP - 1, 2 * WIDTH_STEP), (197, 200)])
def test_widths_come_in_steps_up_to_the_limit(tokenizer: Any, hospital: Schema, characters: int, width: int) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=200)
    assert encoder.batch([encoder.encode(Article(id="a", text="一" * characters + "。" * (characters == 197)))]).input_ids.shape[1] == width


def test_annotation_becomes_token_spans_and_pairs(tiny: TextEncoder) -> None:
    text = "一二。三四五。"
    article = Article(id="a", text=text, entities=(
        entity(text, 3, 5, "PERSON", "T2"), entity(text, 0, 2, "HOSPITAL", "T1"), entity(text, 5, 6, "ORG", "T3")),
        relations=(Relation(type="WORKS_AT", head="T2", tail="T1"), Relation(type="WORKS_AT", head="T2", tail="T3"),
                   Relation(type="KNOWS", head="T2", tail="T1")))
    encoded = tiny.encode(article)
    assert encoded.spans == (TokenSpan(token_start=0, token_end=2, label=0), TokenSpan(token_start=3, token_end=5, label=1))
    assert encoded.pairs == (GoldPair(head=1, tail=0, type=3),)
    assert encoded.dropped == {"entity:ORG": 1, "relation:WORKS_AT": 1, "relation:KNOWS": 1}
    assert tag_targets([encoded]).tolist() == [1, 2, 0, 3, 4, 0, 0]
    assert tag_targets([]).tolist() == []


def test_what_no_token_span_expresses_is_counted_with_its_relations(tiny: TextEncoder) -> None:
    text = "一\u200b二三"
    article = Article(id="a", text=text, entities=(
        entity(text, 1, 2, "HOSPITAL", "T1"), entity(text, 2, 4, "PERSON", "T2"), entity(text, 3, 4, "ROLE", "T3")),
        relations=(Relation(type="WORKS_AT", head="T2", tail="T1"),))
    encoded = tiny.encode(article)
    assert [s.key for s in encoded.spans] == [(1, 3, 1)]
    assert encoded.dropped == {"entity:unaligned": 2, "relation:WORKS_AT": 1}


def test_glosses_and_noise_inside_a_name_keep_its_raw_offsets(tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital)
    text = "在威海市中醫(yī)院\u200b簽約(yuē)"
    encoded = encoder.encode(Article(id="a", text=text, entities=(entity(text, 1, 11, "HOSPITAL"),)))
    span, = encoded.spans
    assert encoded.clean.text[1:7] == "威海市中医院" and span.token_end - span.token_start == 6
    assert encoded.raw_span(span) == (1, 11) and text[1:11] == "威海市中醫(yī)院"


@pytest.mark.parametrize("name", ["hospital", "parties"])
@pytest.mark.parametrize("window", [(64, 16), (256, 48)])
def test_every_seed_entity_maps_to_tokens_and_back_exactly(
    seeds: list[Article], tokenizer: Any, request: pytest.FixtureRequest, name: str, window: tuple[int, int]
) -> None:
    schema: Schema = request.getfixturevalue(name)
    encoder = TextEncoder(tokenizer=tokenizer, schema=schema, max_tokens=window[0], overlap_tokens=window[1])
    for article in seeds:
        article = restrict(article, schema)
        encoded = encoder.encode(article)
        assert not encoded.dropped
        assert len(encoded.spans) == len(article.entities) and len(encoded.pairs) == len(article.relations)
        gold = sorted(article.entities, key=lambda e: e.char_start)
        assert [encoded.raw_span(s) for s in encoded.spans] == [(e.char_start, e.char_end) for e in gold]
        assert [schema.labels[s.label] for s in encoded.spans] == [e.label for e in gold]
        place = {e.id: i for i, e in enumerate(gold)}
        assert encoded.pairs == tuple(GoldPair(head=place[r.head], tail=place[r.tail],
                                               type=[k.name for k in schema.relations].index(r.type))
                                      for r in article.relations)


def test_no_seed_token_is_unknown_or_outside_every_window(seeds: list[Article], tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital)
    for article in seeds:
        encoded = encoder.encode(article.without_annotation())
        assert tokenizer.unk_token_id not in encoded.token_ids
        assert {t for w in encoded.windows for t in range(w.token_start, w.token_end)} == set(range(len(encoded.token_ids)))
        batch = encoder.batch([encoded])
        assert (batch.input_ids.flatten()[batch.token_index].numpy() == encoded.token_ids).all()
        assert batch.input_ids.shape[1] <= 256


def test_an_article_reads_the_same_in_any_company(seeds: list[Article], tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)
    encoded = [encoder.encode(a) for a in seeds[:3]]
    batch = encoder.batch(encoded)
    read = batch.input_ids.flatten()[batch.token_index].split(batch.token_counts)
    for tokens, article in zip(read, encoded, strict=True):
        assert tokens.tolist() == article.token_ids.tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.text(alphabet="一二三甲院医醫(yī)。\n 1aＡ\u200b𠮷？", max_size=120))
def test_any_text_maps_back(tokenizer: Any, hospital: Schema, text: str) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=16, overlap_tokens=4)
    encoded = encoder.encode(Article(id="a", text=text))
    clean = encoded.clean.text
    covered = np.zeros(len(clean), dtype=bool)
    for i in range(len(encoded.token_ids)):
        span = TokenSpan(token_start=i, token_end=i + 1, label=0)
        start, end = encoded.raw_span(span)
        assert 0 <= start < end <= len(text)
        covered[encoded.token_char_start[i] : encoded.token_char_end[i]] = True
        # The raw characters of a token lead back to that token.
        back = encoded.clean.to_clean(start, end)
        assert back is not None
        first, last = token_range(encoded.token_char_start, encoded.token_char_end, *back)
        assert first <= i < last
    assert all(c.isspace() for c, found in zip(clean, covered, strict=True) if not found)
    batch = encoder.batch([encoded])
    assert (batch.input_ids.flatten()[batch.token_index].numpy() == encoded.token_ids).all()


def test_the_gold_does_not_change_the_tokens(seeds: list[Article], tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital)
    with_gold, bare = encoder.encode(seeds[1]), encoder.encode(seeds[1].without_annotation())
    assert (with_gold.token_ids == bare.token_ids).all() and bare.spans == () and bare.pairs == ()
    shuffled = encoder.encode(replace(seeds[1], entities=seeds[1].entities[::-1]))
    assert shuffled.spans == with_gold.spans


def test_latin_words_and_symbols_are_known_by_their_tokens(tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital)
    article = encoder.encode(Article(id="a", text="③哈市一院Uploaded by NetEase,2024年。▲图\nP2 甲医院P3 楼。\n图12:P4实验室"))
    names = [article.clean.text[s:e] for s, e in zip(article.token_char_start, article.token_char_end, strict=True)]
    assert "".join(n for n, symbol in zip(names, article.symbols(), strict=True) if symbol) == "③▲P2图12"
    whole, at = article.clean.text, article.token_char_start
    assert article.inside_word().any()
    for start, inside in zip(at.tolist(), article.inside_word().tolist(), strict=True):
        latin = [c.isascii() and c.isalpha() for c in whole[max(start - 1, 0) : start + 1]]
        assert inside == (start > 0 and all(latin))
    for max_tokens in (2, 3, 7):
        parts = list(encoder.sections(article, max_tokens=max_tokens))
        assert np.array_equal(np.concatenate([p.symbols() for p in parts]), article.symbols())
        inner = np.concatenate([np.arange(len(p.token_ids)) > 0 for p in parts])
        assert np.array_equal(np.concatenate([p.inside_word() for p in parts])[inner], article.inside_word()[inner])


def test_no_mention_holds_a_symbol(tokenizer: Any, hospital: Schema) -> None:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital)
    heads = ReadingHeads()
    heads.schema, heads.crf, heads.span_scorer, heads.relation_head = hospital, None, None, None
    article = encoder.encode(Article(id="a", text="③市一院"))
    logits = torch.zeros(len(article.token_ids), len(hospital.tags))
    logits[:, 2] = 9.0
    logits[0, 1] = 20.0
    [[span]] = heads.decode(encoder.batch([article]), logits)
    assert article.clean_name(span) == "市一院"


@pytest.mark.parametrize(("text", "found"), [
    ("7月12、13日", ["7月12", "13日"]), ("张磊,王五", ["张磊", "王五"]), ("甲院:乙院", ["甲院", "乙院"]), ("(3日)", ["(3日)"]),
    ("Luzhou Tech Co., Ltd.", ["Luzhou Tech Co., Ltd."]), ("2024-05-20", ["2024-05-20"])])
def test_marks_part_mentions(tokenizer: Any, hospital: Schema, text: str, found: list[str]) -> None:
    """Even where the tagger would run on; in data with other labels, where titles hold marks, they part nothing."""
    for schema, expected in ((hospital, found), (schema_from_dict({"labels": ["book"]}), [text])):
        encoder = TextEncoder(tokenizer=tokenizer, schema=schema)
        heads = ReadingHeads()
        heads.schema, heads.crf, heads.relation_head = schema, None, None
        article = encoder.encode(Article(id="a", text=text))
        logits = torch.zeros(len(article.token_ids), len(schema.tags))
        logits[:, 2] = 9.0
        logits[0, 1] = 20.0
        logits[1:, 1] = 8.0
        [spans] = heads.decode(encoder.batch([article]), logits)
        assert [article.clean_name(s) for s in spans] == expected
        assert article.parting_marks().any() == (len(found) > 1)
