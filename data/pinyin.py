"""Inline pinyin glosses, ``醫(yī)院``: what may stand between the brackets."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Contents of a regex character class: Han characters, and the letters a gloss is written with.
HAN = r"〇々\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
GLOSS_LETTERS = r"a-züāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹɑɡ\u0300\u0301\u0304\u0308\u030c"
BRACKETED = re.compile(rf"[(（][{GLOSS_LETTERS}]{{1,12}}[)）]")
_GLOSSED = re.compile(rf"([{HAN}])[(（]([{GLOSS_LETTERS}]{{1,12}})[)）]")

# All syllables of standard Chinese, by initial.
_SYLLABLES = frozenset(["a", "o", "e", "ai", "ei", "ao", "ou", "an", "en", "ang", "eng", "er", "yi", "ya", "yo", "ye", "yao", "you", "yan", "yin", "yang", "ying", "yong", "yu", "yue", "yuan", "yun", "wu", "wa", "wo", "wai", "wei", "wan", "wen", "wang", "weng", "ba", "bo", "bai", "bei", "bao", "ban", "ben", "bang", "beng", "bi", "bie", "biao", "bian", "bin", "bing", "bu", "pa", "po", "pai", "pei", "pao", "pou", "pan", "pen", "pang", "peng", "pi", "pie", "piao", "pian", "pin", "ping", "pu", "ma", "mo", "me", "mai", "mei", "mao", "mou", "man", "men", "mang", "meng", "mi", "mie", "miao", "miu", "mian", "min", "ming", "mu", "fa", "fo", "fei", "fou", "fan", "fen", "fang", "feng", "fu", "da", "de", "dai", "dei", "dao", "dou", "dan", "den", "dang", "deng", "dong", "di", "die", "diao", "diu", "dian", "ding", "du", "duo", "dui", "duan", "dun", "ta", "te", "tai", "tao", "tou", "tan", "tang", "teng", "tong", "ti", "tie", "tiao", "tian", "ting", "tu", "tuo", "tui", "tuan", "tun", "na", "ne", "nai", "nei", "nao", "nou", "nan", "nen", "nang", "neng", "nong", "ni", "nie", "niao", "niu", "nian", "nin", "niang", "ning", "nu", "nuo", "nuan", "nü", "nüe", "la", "le", "lai", "lei", "lao", "lou", "lan", "lang", "leng", "long", "li", "lia", "lie", "liao", "liu", "lian", "lin", "liang", "ling", "lu", "luo", "luan", "lun", "lü", "lüe", "ga", "ge", "gai", "gei", "gao", "gou", "gan", "gen", "gang", "geng", "gong", "gu", "gua", "guo", "guai", "gui", "guan", "gun", "guang", "ka", "ke", "kai", "kei", "kao", "kou", "kan", "ken", "kang", "keng", "kong", "ku", "kua", "kuo", "kuai", "kui", "kuan", "kun", "kuang", "ha", "he", "hai", "hei", "hao", "hou", "han", "hen", "hang", "heng", "hong", "hu", "hua", "huo", "huai", "hui", "huan", "hun", "huang", "ji", "jia", "jie", "jiao", "jiu", "jian", "jin", "jiang", "jing", "jiong", "ju", "jue", "juan", "jun", "qi", "qia", "qie", "qiao", "qiu", "qian", "qin", "qiang", "qing", "qiong", "qu", "que", "quan", "qun", "xi", "xia", "xie", "xiao", "xiu", "xian", "xin", "xiang", "xing", "xiong", "xu", "xue", "xuan", "xun", "zha", "zhe", "zhi", "zhai", "zhei", "zhao", "zhou", "zhan", "zhen", "zhang", "zheng", "zhong", "zhu", "zhua", "zhuo", "zhuai", "zhui", "zhuan", "zhun", "zhuang", "cha", "che", "chi", "chai", "chao", "chou", "chan", "chen", "chang", "cheng", "chong", "chu", "chua", "chuo", "chuai", "chui", "chuan", "chun", "chuang", "sha", "she", "shi", "shai", "shei", "shao", "shou", "shan", "shen", "shang", "sheng", "shu", "shua", "shuo", "shuai", "shui", "shuan", "shun", "shuang", "re", "ri", "rao", "rou", "ran", "ren", "rang", "reng", "rong", "ru", "ruo", "rui", "ruan", "run", "za", "ze", "zi", "zai", "zei", "zao", "zou", "zan", "zen", "zang", "zeng", "zong", "zu", "zuo", "zui", "zuan", "zun", "ca", "ce", "ci", "cai", "cao", "cou", "can", "cen", "cang", "ceng", "cong", "cu", "cuo", "cui", "cuan", "cun", "sa", "se", "si", "sai", "sao", "sou", "san", "sen", "sang", "seng", "song", "su", "suo", "sui", "suan", "sun"])
# Without a tone mark these stand in brackets as list letters, abbreviations or English words: 选项(a), 人工智能(ai).
_NO_TONELESS = frozenset(["a", "o", "e", "ai", "an", "er", "he", "she", "can", "fan", "long", "pan", "pin", "ban", "bin", "bang", "hang", "gang", "song", "sun", "run", "tan", "tie", "die", "pen", "ping", "wan", "ha", "ma", "pa", "mu", "mi", "pi", "ci", "bi"])
_TONES = dict.fromkeys(map(ord, "\u0300\u0301\u0304\u030c"))


@lru_cache(maxsize=4096)
def is_gloss(letters: str) -> bool:
    """Whether this is one pinyin syllable with at most one tone mark, composed or combining."""
    decomposed = unicodedata.normalize("NFD", letters.replace("ɑ", "a").replace("ɡ", "g"))
    toneless = decomposed.translate(_TONES)
    syllable = unicodedata.normalize("NFC", toneless)
    tones = len(decomposed) - len(toneless)
    return syllable in _SYLLABLES and (tones == 1 or (tones == 0 and syllable not in _NO_TONELESS))


def glossed_characters(text: str) -> dict[str, set[str]]:
    """By the letters of each gloss in the text, the characters that stand before it."""
    found: dict[str, set[str]] = {}
    for character, letters in _GLOSSED.findall(text):
        found.setdefault(letters, set()).add(character)
    return found
