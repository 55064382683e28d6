"""Every character of the articles is a token of its own, with exact offsets."""

from __future__ import annotations

import contextlib
import string
from pathlib import Path
from typing import Any

import pytest

from data.clean import clean_text
from models.vocabulary import NAME_CHARACTERS, SPECIAL_TOKENS, build_tokenizer, seed_texts, vocabulary_tokens


def gb2312() -> list[str]:
    characters = []
    for lead in range(0xA1, 0xFF):
        for trail in range(0xA1, 0xFF):
            with contextlib.suppress(UnicodeDecodeError):
                characters.append(bytes((lead, trail)).decode("gb2312"))
    return characters


@pytest.fixture(scope="module")
def seed_tokenizer() -> Any:
    return build_tokenizer(seed_texts())


def unknown(tokenizer: Any, characters: str) -> list[str]:
    encoded = tokenizer(list(characters), add_special_tokens=False)["input_ids"]
    return [c for c, ids in zip(characters, encoded, strict=True) if tokenizer.unk_token_id in ids]


def test_gb2312_is_covered(seed_tokenizer: Any) -> None:
    table = [c for c in gb2312() if not c.isspace()]
    assert len(table) > 7400
    assert set(table) <= set(vocabulary_tokens())
    han = "".join(c for c in table if "\u4e00" <= c <= "\u9fff")
    assert len(han) == 6763
    assert unknown(seed_tokenizer, han) == []


def test_all_that_the_seeds_hold_is_covered_raw_and_clean(seed_tokenizer: Any) -> None:
    for path in sorted(Path("data/articles").glob("*.txt")):
        raw = path.read_text(encoding="utf-8")
        for text in (raw, clean_text(raw).text):
            characters = "".join(sorted({c for c in text if not c.isspace() and c.isprintable() and c != "\ufffd"}))
            assert unknown(seed_tokenizer, characters) == []


def test_characters_of_names_are_covered(seed_tokenizer: Any) -> None:
    assert unknown(seed_tokenizer, "".join(sorted(set(NAME_CHARACTERS)))) == []
    assert unknown(seed_tokenizer, "喆堃玥昇祎") == []


@pytest.mark.parametrize("text", [
    "2024年11月8日", "CT2024abc", "K1,K2,117", "whzybjb@163.com", "0631-5312827", "NetEaseHao", "德州B超3.0T", "Ⅲ级甲等",
    "醫(yī)院(yuàn)", "“两院”——签约", "a1一b2", string.digits + string.ascii_letters])
def test_one_token_a_character_with_exact_offsets(seed_tokenizer: Any, text: str) -> None:
    encoded = seed_tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    assert encoded["offset_mapping"] == [(i, i + 1) for i in range(len(text))]
    tokens = seed_tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert [t.removeprefix("##") for t in tokens] == list(text)


def test_case_and_accents_are_kept(seed_tokenizer: Any) -> None:
    ids = seed_tokenizer("aA", add_special_tokens=False)["input_ids"]
    assert seed_tokenizer.convert_ids_to_tokens(ids) == ["a", "##A"]


def test_the_order_is_fixed_and_without_repetition() -> None:
    tokens = vocabulary_tokens(["醫院A", "醫堃"])
    assert tokens == vocabulary_tokens(["醫院A", "醫堃"])
    assert tuple(tokens[:5]) == SPECIAL_TOKENS and len(set(tokens)) == len(tokens)
    assert "醫" in tokens and "##醫" not in tokens
    assert "A" in tokens and "##A" in tokens


def test_no_white_space_and_no_control_character_is_a_token() -> None:
    assert set(vocabulary_tokens(["\u200b\u00a0\t\ue000\ufeff\u2003字𠮷"])) - set(vocabulary_tokens()) == {"𠮷"}


def test_the_shipped_encoder_has_the_vocabulary_that_the_code_makes(seed_tokenizer: Any) -> None:
    from transformers import AutoTokenizer

    folder = Path("models/encoder-zh-small")
    assert AutoTokenizer.from_pretrained(folder).get_vocab() == seed_tokenizer.get_vocab()


def test_characters_of_the_users_text_may_stand_in_for_the_table() -> None:
    tokens = vocabulary_tokens(["醫"], common=["签", "约", "Ⅲ", "\u3000", "\n"])
    assert {"签", "约", "Ⅲ", "##Ⅲ", "醫", "喆", "A", "##A"} <= set(tokens) and "院" not in tokens and "##签" not in tokens
    assert not {"\u3000", "\n"} & set(tokens) and len(tokens) < 1000
    tokenizer = build_tokenizer(common="签约")
    assert unknown(tokenizer, "签约院") == ["院"]
