"""``python -m models.soak --model RUN``: ten thousand damaged documents through reader and model, every span checked."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import EXIT_FAILED, EXIT_OK, run_command

if TYPE_CHECKING:
    from data.article import Article
    from models.extractor import Extractor

SLOW_SECONDS = 30.0


def soak(extractor: Extractor, texts: Sequence[str], *, documents: int, seed: int) -> Counter[str]:
    """Read ``documents`` damaged forms of ``texts``, half as files, half as strings that no file could hold.

    Returns:
        Counts; ``wrong`` spans and ``model faults`` must be 0.
    """
    from tqdm import tqdm

    from data.documents import RawDocument, ReadFault, parse_document
    from data.fuzz import mutated_bytes, mutated_text
    from data.records import Columns
    from models.shards import tolerant

    counts: Counter[str] = Counter()

    def articles() -> Iterator[Article]:
        for number in tqdm(range(documents), unit=" documents", disable=not sys.stderr.isatty()):
            rng = random.Random(f"{seed}-{number}")
            counts["documents"] += 1
            text = rng.choice(texts)
            if number % 2:
                yield _article_of_text(f"d{number}", mutated_text(text, rng))
                continue
            raw = RawDocument(source=f"d{number}", place="", form=rng.choice(("text", "HTML", None)), article_id=f"d{number}",
                              payload=mutated_bytes(text, rng))
            began = time.monotonic()
            found = parse_document(raw, columns=Columns())
            counts["slow"] += time.monotonic() - began > SLOW_SECONDS
            if isinstance(found, ReadFault):
                counts["faults"] += 1
            else:
                yield found

    for found in tolerant(extractor.extract_all, articles()):
        if isinstance(found, str):
            counts["model faults"] += 1
            print(found, file=sys.stderr)
            continue
        counts["articles"] += 1
        counts["entities"] += len(found.entities)
        if wrong := check_article(found):
            counts["wrong"] += len(wrong)
            print(f"{found.id}: {wrong[0]}", file=sys.stderr)
    return counts


def _article_of_text(name: str, text: str) -> Article:
    from data.article import Article

    return Article(id=name, text=text)


def check_article(article: Article) -> list[str]:
    """What is wrong with the spans of a prediction and with its way to JSON and back; nothing, it is to be hoped."""
    import json

    from data.article import article_from_dict, dump_line
    from data.surrogates import without_surrogates

    wrong = [f"{e.id}: expected {article.text[e.char_start:e.char_end]!r}, found {e.text!r}" for e in article.entities
             if not e.text or article.text[e.char_start:e.char_end] != e.text]
    wrong += [f"sentence {start}-{end} lies outside" for v in article.events for start, end in v.sentences
              if not 0 <= start < end <= len(article.text)]
    read = article_from_dict(json.loads(dump_line(article).encode("utf-8")))
    if read.text != without_surrogates(article.text) or (read.text == article.text and read != article):
        wrong.append("the line of JSON reads as another article")
    wrong += [f"{e.id}: moved by the line of JSON" for e in read.entities if read.text[e.char_start:e.char_end] != e.text]
    return wrong


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m models.soak``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.soak", description="Read damaged documents and check every span.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.soak --model runs/default\n"
               "  python -m models.soak --model runs/default --documents 500 --seed 2")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("--text", type=Path, default=Path("data/articles"), metavar="FOLDER",
                        help="what is damaged (data/articles)")
    parser.add_argument("--documents", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    from data.article import Article
    from data.readers import iter_articles
    from models.extractor import Extractor

    texts = [a.text[:1000] for a in iter_articles([args.text]) if isinstance(a, Article)]
    began = time.monotonic()
    counts = soak(Extractor.load(args.model), texts, documents=args.documents, seed=args.seed)
    print(f"{counts['documents']} documents, {counts['articles']} articles, {counts['entities']} entities, "
          f"{counts['faults']} refused by the reader, {counts['slow']} slow, {counts['model faults']} model faults, "
          f"{counts['wrong']} wrong, {time.monotonic() - began:.0f} s")
    return EXIT_FAILED if counts["wrong"] or counts["model faults"] or counts["slow"] else EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
