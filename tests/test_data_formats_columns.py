"""Column files: every tag scheme says the same, malformed rows are named and left out."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from data.article import Article
from data.errors import DataError
from data.formats.base import Ledger
from data.formats.columns import MENDED

ReadFormat = Callable[..., tuple[list[Article], Ledger]]


def spans(article: Article) -> list[tuple[str, str]]:
    return [(e.text, e.label) for e in article.entities]


def places(ledger: Ledger) -> list[str]:
    return [f.place for f in ledger.faults]


@pytest.mark.parametrize(("name", "tags"), [
    ("msra", "B-NR I-NR O B-NT I-NT I-NT"), ("resume", "B-NR E-NR O B-NT M-NT E-NT"), ("conll", "B-NR E-NR O B-NT I-NT E-NT"),
    ("conll", "B-NR L-NR O B-NT I-NT L-NT"), ("peoples-daily", "B_NR I_NR O B_NT I_NT I_NT")])
@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_scheme_says_the_same(read_format: ReadFormat, name: str, tags: str, separator: str, end: str) -> None:
    sentence = "".join(f"{c}{separator}{t}{end}" for c, t in zip("林强在卫健委", tags.split(), strict=True))
    found, ledger = read_format(name, sentence + end + sentence + end)
    assert [(a.id, a.text) for a in found] == [("train-1", "林强在卫健委"), ("train-2", "林强在卫健委")]
    assert spans(found[0]) == [("林强", "NR"), ("卫健委", "NT")] == spans(found[1])
    assert not ledger.faults and not ledger.counts


def test_neighbours_and_single_characters(read_format: ReadFormat) -> None:
    found, _ = read_format("resume", "林 S-NAME\n强 S-NAME\n院 B-TITLE\n长 E-TITLE\n任 B-TITLE\n事 E-TITLE")
    assert spans(found[0]) == [("林", "NAME"), ("强", "NAME"), ("院长", "TITLE"), ("任事", "TITLE")]


def test_an_ended_entity_does_not_go_on(read_format: ReadFormat) -> None:
    found, ledger = read_format("resume", "林 B-NAME\n强 E-NAME\n高 M-NAME\n山 E-NAME\n何 S-NAME\n平 M-NAME\n")
    assert spans(found[0]) == [("林强", "NAME"), ("高山", "NAME"), ("何", "NAME"), ("平", "NAME")] and ledger.counts == {MENDED: 2}


def test_weibo_drops_the_place_in_the_word(read_format: ReadFormat) -> None:
    found, ledger = read_format("weibo", "卫0\tB-ORG.NAM\n健1\tI-ORG.NAM\n的0\tO\n30\tO\n他\tB-PER.NOM\n😀0\tO\n\n", file="w.train")
    assert found[0].text == "卫健的3他😀" and spans(found[0]) == [("卫健", "ORG.NAM"), ("他", "PER.NOM")]
    assert not ledger.faults


def test_white_space_is_a_character_and_columns_between_are_passed_over(read_format: ReadFormat) -> None:
    found, ledger = read_format("conll", "甲 NN x B-A\n  O\n\u3000\tO\n\t\tO\n乙 O\n")
    assert found[0].text == "甲 \u3000\t乙" and spans(found[0]) == [("甲", "A")] and not ledger.faults


def test_malformed_rows_are_named_and_left_out(read_format: ReadFormat) -> None:
    text = "林 B-NR\n强 I-NR\n在\n院 X-NT\n里 B-\n\n\n好 O\n".encode() + b"\xb0\xa1 O\n" + "吗 O\n".encode()
    found, ledger = read_format("msra", text)
    assert [a.text for a in found] == ["林强", "好吗"] and spans(found[0]) == [("林强", "NR")]
    assert places(ledger) == ["line 3", "line 4", "line 5", "line 9"]
    assert "found 'X-NT'" in ledger.faults[1].reason and "expected UTF-8" in ledger.faults[3].reason


def test_an_entity_without_beginning_is_read_and_counted(read_format: ReadFormat) -> None:
    found, ledger = read_format("msra", "林 I-NR\n强 I-NR\n院 I-NT\n里 O\n长 E-T\n任 O\n")
    assert spans(found[0]) == [("林强", "NR"), ("院", "NT"), ("长", "T")] and ledger.counts == {MENDED: 3}


def test_gzip_and_a_byte_order_mark(read_format: ReadFormat) -> None:
    found, _ = read_format("msra", gzip.compress("\ufeff林 B-NR\n".encode()), file="train.txt.gz")
    assert (found[0].id, found[0].text) == ("train-1", "林")
    with pytest.raises(DataError, match="broken"):
        read_format("msra", gzip.compress("林 B-NR\n".encode() * 99)[:-12], file="x.gz")


def test_a_long_line_of_tabs_does_not_hang(read_format: ReadFormat) -> None:
    _, ledger = read_format("conll", "甲" + "\t" * 200_000 + "\n")
    assert places(ledger) == ["line 1"]


def test_docstart_of_other_programs(read_format: ReadFormat) -> None:
    found, _ = read_format("conll", "-DOCSTART- -X- -X- O\n\n甲 O\n\n乙 O\n\n-DOCSTART- -X- -X- O\n\n丙 O\n", file="eng.testa")
    assert [(a.id, a.text) for a in found] == [("eng-1", "甲\n乙"), ("eng-2", "丙")]
