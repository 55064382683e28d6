"""The character vocabulary of the embedded encoder, and its stock BERT tokenizer.

Every Chinese character, digit and Latin letter is a token of its own, so that any character span is a
token span. BERT's WordPiece glues runs such as ``2024`` to one word; continuation pieces (``##0``) of single
characters split them again, and the stock fast tokenizer gives exact offsets without any code of ours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from transformers import BertTokenizer

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Characters of personal and place names that GB2312 (1980) lacks and that today's news is full of.
NAME_CHARACTERS = (
    "喆堃玥翀骉昇祎玮琦淼鑫犇焱燚垚赟昱晟旻旸昶昉昕曈暐璟珺琋琬瑄瑀璇璐璠瑢琮琨琰瓒玘玠珩珈珅珂珣珞琯翊翎翾彧彣宬"
    "婧婳妍妤姝娴媛嫄嫣婕婵姮骐骞骁骢骥奕弈劼勐劭邴郗郝邬鄢酆闫闫闾阚阙岽峣崟嵘巍嶔沄沅沚沨泓泠泺洺洮涴浛浥浠淏淙淞渼湉湜湲溦滢漪潇潆澍濬瀛灏"
    "炘炜炫烜烨焜煊煜熠燊爔祯祺禛禩禔秾稷穆穗竑竣笙筱筠箐箬綦缦羿耿聿芃芊芮苡苒茜茗荃荇荻莘莜菁菡萱葳葶蓁蔺蕊蕙薇藜虔蠡衎裴褚襄觅訸谌谡谯豫贇跞"
    "軒轩逄逯逸遐邈郅鄞钊钏钘钰钲钺铄铉铖铠铮锃锴锵锽镕镒镛镠镫闿雒雯霁霖霏靓靖韫韬頔颀颉颐颖颢飏飒馥馨骏鲲鳌鸣鸿鹄鹏鹤黎黛龑䶮㛃㻬"
)


def gb2312_characters() -> list[str]:
    """All of GB2312 (1980), in the order of the table."""
    characters = []
    for lead in range(0xA1, 0xF8):
        for trail in range(0xA1, 0xFF):
            try:
                characters.append(bytes((lead, trail)).decode("gb2312"))
            except UnicodeDecodeError:
                continue  # an unassigned cell of the table
    return characters


def vocabulary_tokens(texts: Iterable[str] = (), *, common: Iterable[str] | None = None) -> list[str]:
    """Tokens in a fixed order: special, ASCII, GB2312 or what stands in for it (``common``), name characters, then what
    ``texts`` hold beyond those."""
    characters: dict[str, None] = {chr(code): None for code in range(0x21, 0x7F)}
    if common is None:
        characters |= dict.fromkeys(gb2312_characters())
    for text in ("".join(common or ()), NAME_CHARACTERS, *texts):
        for character in sorted(set(text)):
            if not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf", "Co", "Cs"):
                characters.setdefault(character)
    pieces = [f"##{c}" for c in characters if not _stands_alone(c)]
    return [*SPECIAL_TOKENS, *characters, *pieces]


def build_tokenizer(texts: Iterable[str] = (), *, common: Iterable[str] | None = None) -> BertTokenizer:
    """A stock, case-keeping BERT tokenizer over :func:`vocabulary_tokens`."""
    vocabulary = {token: index for index, token in enumerate(vocabulary_tokens(texts, common=common))}
    return BertTokenizer(vocab=vocabulary, do_lower_case=False, strip_accents=False, model_max_length=512)


def seed_texts(folder: Path = Path("data/articles")) -> list[str]:
    """The raw seed articles, whose characters (traditional ones and glosses too) the vocabulary covers."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.txt"))]


def _stands_alone(character: str) -> bool:
    """True where BERT's pre-tokenizer always cuts around a character: ideographs and punctuation."""
    code = ord(character)
    is_ideograph = 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF or code >= 0x20000
    is_ascii_punctuation = code < 0x7F and not character.isalnum()
    return is_ideograph or is_ascii_punctuation or unicodedata.category(character).startswith("P")
