"""What every page of this project is made of: words in two languages, data that scripts may read, one file on disk.

Text of articles is never trusted: markup is escaped by jinja2, and data for scripts is JSON without ``<``, ``>`` and ``&``.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import yaml
from markupsafe import Markup, escape

from data.files import write_text

TEMPLATES = Path(__file__).with_name("templates")
GENERATOR = "qianyue"  # the mark in a page's head by which we know our own pages again
LANGUAGES = ("en", "zh")
HTML_LANGUAGE = {"en": "en", "zh": "zh-CN"}


class Phrase(NamedTuple):
    """One statement in English and in Chinese, safe as markup."""

    en: Markup
    zh: Markup

    def __html__(self) -> str:
        """Both languages; the style sheet shows the one that is chosen."""
        return Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh-CN">{}</span>').format(self.en, self.zh)


class _Plural(string.Formatter):
    """``{n:article|articles}`` writes the number and the word that fits it; ``{n:~is|are}`` the word alone."""

    def format_field(self, value: Any, spec: str) -> str:
        if "|" not in spec:
            return str(escape(value)) if not spec else str(escape(format(value, spec)))
        one, many = spec.removeprefix("~").split("|")
        word = one if value == 1 else many
        return word if spec.startswith("~") else f"{value} {word}"


class Words:
    """The catalogue of all that the pages say. Calling it gives markup, :meth:`attribute` an attribute."""

    def __init__(self, catalogue: Mapping[str, tuple[str, str]]) -> None:
        self._catalogue = catalogue

    def __contains__(self, key: str) -> bool:
        return key in self._catalogue

    def phrase(self, key: str, **values: Any) -> Phrase:
        """A phrase with its values put in, escaped; a value that is a phrase gives the words of the same language.

        Raises:
            KeyError: the catalogue has no such key, or the phrase needs a value that is not given.
        """
        formatter = _Plural()
        sides = [formatter.vformat(text, (), {name: getattr(value, lang) if isinstance(value, Phrase) else value
                                              for name, value in values.items()})
                 for lang, text in zip(LANGUAGES, self._catalogue[key], strict=True)]
        return Phrase(*(Markup(side) for side in sides))

    def __call__(self, key: str, **values: Any) -> Markup:
        return Markup(self.phrase(key, **values).__html__())

    def name(self, value: str) -> Phrase:
        """The word for a name from data (an error kind, a slice) where the catalogue knows it, else the name itself."""
        if value in self:
            return self.phrase(value)
        plain = escape(value.replace("_", " "))
        return Phrase(plain, plain)

    def attribute(self, name: str, key: str, lang: str = "en", **values: Any) -> Markup:
        """``name="…"`` in one language, with both kept beside it for the language switch."""
        return self.both(name, self.phrase(key, **values), lang)

    @staticmethod
    def both(name: str, phrase: Phrase, lang: str = "en") -> Markup:
        """As :meth:`attribute`, of a phrase."""
        en, zh = (text.striptags() for text in phrase)
        shown = zh if lang == "zh" else en
        return Markup('{0}="{1}" data-{0}-en="{2}" data-{0}-zh="{3}"').format(Markup(name), shown, en, zh)

    def for_script(self, prefix: str) -> dict[str, tuple[str, str]]:
        """The phrases whose keys begin with ``prefix``, without it, for a script on the page."""
        return {key.removeprefix(prefix): texts for key, texts in self._catalogue.items() if key.startswith(prefix)}


@cache
def words() -> Words:
    """The catalogue of ``templates/words*.yaml``: ``key: [English, Chinese]``."""
    catalogue: dict[str, tuple[str, str]] = {}
    for path in sorted(TEMPLATES.glob("words*.yaml")):
        for key, (english, chinese) in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            catalogue[key] = english, chinese
    return Words(catalogue)


def script_data(value: Any) -> Markup:
    """JSON that may stand inside ``<script type="application/json">`` whatever the text holds."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        plain = plain.replace(character, f"\\u{ord(character):04x}")
    return Markup(plain)


def percent(share: float | None) -> str:
    """A share as per cent with one decimal, – for nothing."""
    return "–" if share is None else f"{100 * share:.1f}"


def write_page(path: Path, template: str, *, lang: str = "en", **context: Any) -> None:
    """Render a template of this package into one self-contained file, whole or not at all.

    Args:
        lang: the language that shows first, ``en`` or ``zh``; a reader may switch.
    """
    page = _environment().get_template(template).render(
        w=words(), lang=lang, html_lang=HTML_LANGUAGE[lang], generator=GENERATOR, **context)
    # A damaged page can hold half a surrogate pair, which no UTF-8 file can.
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))


@cache
def _environment() -> jinja2.Environment:
    # The folder is that of this module, so that an installed package finds its pages too.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined)
    environment.filters["pct"] = percent
    environment.globals["script_data"] = script_data
    environment.globals["inline"] = _inline
    return environment


def _inline(name: str) -> Markup:
    """A style sheet or script of this package, as it is."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
