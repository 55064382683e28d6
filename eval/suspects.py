"""``python -m eval.suspects --config C --data GOLD``: gold labels that a cross-validated model contradicts, the surest first.

Every article is judged by a model that was trained on the others (:mod:`eval.label_doubts`). The list is a page, JSONL,
Label Studio tasks, and pre-annotations for tasks that are there. ``--corrupt 0.05`` makes labels wrong on purpose first, and says
how many of them are listed early.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_OK, DataError, UsageError, run_command

if TYPE_CHECKING:
    from data.article import Article
    from data.schema import Schema
    from eval.corruption import Corruption
    from eval.label_doubts import Doubt

FIRST = 0.10  # share of all labels that an annotator is asked to look at
MODEL = "suspects"  # the version under which doubted labels stand as pre-annotations
LISTED = 300  # entries on the page
DEV_ARTICLES = 5  # held-out articles that a fold's training reports on; nothing is chosen by them


def fold_doubts(config: Path, overrides: Sequence[str], train: Sequence[Article], held_out: Sequence[Article], *,
                name: str, fingerprint: str) -> list[Doubt]:
    """Doubts of the held-out articles by a model trained on the others; not trained again where they are on disk for the
    same fingerprint."""
    from data.article import write_jsonl
    from data.files import write_text
    from eval.crossval import call
    from eval.label_doubts import Doubt

    folder = Path("reports") / name
    done = folder / "doubts.json"
    if done.is_file() and (record := json.loads(done.read_text(encoding="utf-8")))["fingerprint"] == fingerprint:
        return [Doubt(**{**d, "ends": tuple(tuple(e) for e in d["ends"])}) for d in record["doubts"]]
    write_jsonl(folder / "train.jsonl", train)
    write_jsonl(folder / "dev.jsonl", held_out[:DEV_ARTICLES])
    settings = [*overrides, f"name={name}", f"data.train=[{folder}/train.jsonl]", f"data.dev=[{folder}/dev.jsonl]",
                "data.exclude=[]", "data.limit=null", "evaluate_every=1000"]
    call([sys.executable, "-m", "training.train", "--config", str(config), *(part for s in settings for part in ("--set", s))])
    doubts = doubts_of_run(Path("runs") / name, held_out)
    write_text(done, json.dumps({"fingerprint": fingerprint, "doubts": [vars(d) for d in doubts]}, ensure_ascii=False))
    shutil.rmtree(Path("runs") / name)
    return doubts


def doubts_of_run(run: Path, articles: Sequence[Article]) -> list[Doubt]:
    """Doubts of articles that a run was not trained on."""
    from tqdm import tqdm

    from eval.label_doubts import article_doubts
    from models.run_folder import load_predictor

    predictor = load_predictor(run)
    return [d for a in tqdm(articles, unit=" articles", disable=not sys.stderr.isatty()) for d in article_doubts(predictor, a)]


def judge(config: Path, overrides: Sequence[str], gold: Sequence[Article], *, name: str, folds: int, seed: int) -> list[Doubt]:
    """Every label of the gold articles, judged by the fold that left its article out, the most doubtful first."""
    from data.article import dump_line
    from data.files import text_hash
    from eval.crossval import fingerprint_of

    order = list(gold)
    random.Random(seed).shuffle(order)
    text = "".join(dump_line(a) for a in gold) + f"{folds} {seed}"
    fingerprint = text_hash(fingerprint_of(config, overrides) + text)
    doubts: list[Doubt] = []
    for k in range(folds):
        held_out = order[k::folds]
        train = [a for i, a in enumerate(order) if i % folds != k]
        doubts += fold_doubts(config, overrides, train, held_out, name=f"{name}/fold-{k + 1}", fingerprint=fingerprint)
    return sorted(doubts, key=lambda d: -d.doubt)


def first_of(doubts: Sequence[Doubt], gold: Sequence[Article], share: float = FIRST) -> Sequence[Doubt]:
    """The head of the list: as many entries as that share of all labels."""
    return doubts[: round(share * sum(len(a.entities) + len(a.relations) for a in gold))]


def found_again(doubts: Sequence[Doubt], corruptions: Sequence[Corruption]) -> dict[str, tuple[int, int]]:
    """How many corruptions of each kind are listed, and how many there are; ``all`` is their sum.

    A spoilt span counts as listed where a span overlapping it is, a spoilt relation where either the wrong pair of mentions or
    the true one is, under its type.
    """
    from eval.label_doubts import MISSING_SPAN, SPAN

    spans: dict[str, list[tuple[int, int]]] = {}
    pairs: set[tuple[Any, ...]] = set()
    for d in doubts:
        if d.kind in (SPAN, MISSING_SPAN):
            spans.setdefault(d.article_id, []).append((d.char_start, d.char_end))
        else:
            pairs.add((d.article_id, d.label, *sorted(d.ends)))
    counts: dict[str, tuple[int, int]] = {}
    for c in corruptions:
        if c.ends:
            hit = any((c.article_id, c.relation, *sorted(ends)) in pairs for ends in c.ends)
        else:
            hit = any(s < c.char_end and c.char_start < e for s, e in spans.get(c.article_id, ()))
        for key in (c.kind, "all"):
            found, total = counts.get(key, (0, 0))
            counts[key] = found + hit, total + 1
    return counts


def write_list(report: Path, doubts: Sequence[Doubt], gold: Sequence[Article], *, title: str, schema: Schema) -> None:
    """``suspects.jsonl``, ``index.html``, and for Label Studio ``tasks.json`` (tasks of their own, with the gold as annotation) and
    ``predictions.jsonl`` (what ``push`` lays beside tasks that are there)."""
    from data.article import write_jsonl
    from data.files import write_text
    from data.formats.base import Ledger
    from data.formats.label_studio import article_to_task
    from data.label_studio.tasks import task_of
    from eval.label_doubts import with_proposals
    from eval.suspects_page import render

    write_text(report / "suspects.jsonl", "".join(json.dumps(vars(d), ensure_ascii=False) + "\n" for d in doubts))
    by_id = {a.id: a for a in gold}
    write_text(report / "index.html", render(doubts[:LISTED], by_id, title=title, total=len(doubts)))
    of_article: dict[str, list[Doubt]] = {}
    for d in doubts:
        of_article.setdefault(d.article_id, []).append(d)
    proposals = [with_proposals(by_id[key], some, model=MODEL) for key, some in of_article.items()]
    write_jsonl(report / "predictions.jsonl", proposals)
    tasks = []
    for proposal in proposals:
        ledger = Ledger(source=proposal.id)
        task = task_of(by_id[proposal.id], schema, ledger)
        said = [f"{d.doubt:.2f} {d.said}: {d.proposal}" for d in of_article[proposal.id]]
        tasks.append({**task, "data": {**task["data"], "doubts": "; ".join(said)},
                      "predictions": article_to_task(proposal, ledger, schema=schema)["predictions"]})
    write_text(report / "tasks.json", json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")


def read_gold(sources: Sequence[str], limit: int | None, seed: int) -> list[Article]:
    """The gold articles; ``limit`` keeps a seeded draw.

    Raises:
        DataError: fewer than two articles.
    """
    from data.sources import read_sources

    gold = list(read_sources(sources))
    if limit is not None:
        gold = random.Random(seed).sample(gold, min(limit, len(gold)))
    if len(gold) < 2:
        raise DataError("expected at least two articles to train on one and judge the other", place=", ".join(sources))
    return gold


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``eval.suspects``."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.suspects", description="Gold labels that a cross-validated model contradicts, the surest first.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.suspects --config configs/default.yaml --data data/corpus@train\n"
               "  python -m eval.suspects --config configs/default.yaml --data data/corpus@train --limit 300 --folds 2 \\\n"
               "      --set optimiser.epochs=6 --set threads=1 --corrupt 0.05 --name suspects-check\n"
               "In Label Studio: import tasks.json into a project of its own; or, where the articles are tasks already:\n"
               "  python -m data.label_studio push reports/suspects/predictions.jsonl --project hospitals")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="what each fold is trained with")
    parser.add_argument("--data", required=True, action="append", metavar="GOLD",
                        help="gold .jsonl, or data/corpus@train; may be repeated")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                        help="override one key of the config")
    parser.add_argument("--folds", type=int, default=3, help="models that are trained (default: %(default)s)")
    parser.add_argument("--limit", type=int, metavar="ARTICLES", help="judge a draw of the articles only")
    parser.add_argument("--seed", type=int, default=13, help="of the draw, the folds and the corruption (default: %(default)s)")
    parser.add_argument("--corrupt", type=float, default=0.0, metavar="SHARE",
                        help="make this share of the labels wrong first, and count what is found")
    parser.add_argument("--schema", type=Path, default=Path("configs/schema/hospital.yaml"),
                        help="which labels are judged; configs/schema/parties.yaml: those of ORG too (default: %(default)s)")
    parser.add_argument("--name", default="suspects", help="folder below reports/ (default: %(default)s)")
    args = parser.parse_args(argv)
    if args.folds < 2 or not 0 <= args.corrupt < 1:
        raise UsageError("expected at least 2 folds, and a share of 0 to 1 to corrupt", place="--folds, --corrupt",
                         repair="--folds 3 --corrupt 0.05")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    from data.files import write_text
    from data.schema import load_schema, restrict
    from eval.corruption import corrupt

    schema = load_schema(args.schema)
    whole = read_gold(args.data, args.limit, args.seed)
    gold = [restrict(a, schema) for a in whole]
    corruptions: list[Corruption] = []
    if args.corrupt:
        gold, corruptions = corrupt(gold, schema, share=args.corrupt, seed=args.seed)
    overrides = [*args.overrides, f"schema={args.schema}", "reading_schema=null"]  # what gold has, and no more, is judged
    doubts = judge(args.config, overrides, gold, name=args.name, folds=args.folds, seed=args.seed)
    head = first_of(doubts, gold)
    report = Path("reports") / args.name
    # The tasks hold the gold as it was read: what the schema lacks must not be lost when a corrected task comes back.
    write_list(report, head, gold if corruptions else whole, title=f"{len(head)} labels to look at, of {', '.join(args.data)}",
               schema=schema)
    if corruptions:
        counts = found_again(head, corruptions)
        write_text(report / "found.json", json.dumps(counts, ensure_ascii=False, indent=1) + "\n")
        for kind, (found, total) in counts.items():
            print(f"{kind:18} {found:4} of {total:4} among the first {FIRST:.0%} ({found / total:.1%})")
    print(f"written: {report / 'index.html'}, suspects.jsonl, tasks.json, predictions.jsonl ({len(head)} labels)")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
