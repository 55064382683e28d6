"""``python -m data.label_studio queue``: unlabelled articles in the order in which annotating them teaches the model most."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.article import Article, article_to_dict, read_jsonl
from data.errors import EXIT_OK, DataError, QianyueError, UsageError
from data.files import atomic_write
from data.surrogates import json_line

if TYPE_CHECKING:
    from data.label_studio.client import Server
    from data.learning_order import Queue

EXPLAINED = 10
RANK, REASON = "queue_rank", "queue_reason"  # fields of a task's data
VIEW = "Learning order"
_RANK_DIGITS = 6  # ranks are text with leading zeros: the data manager sorts fields of the data as text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = ("Order unlabelled articles by what the model would learn most from: tags and relations it doubts, marks "
                          "that its checkpoints disagree on, hospitals that stand in no labelled article. Near-duplicates are "
                          "left out.")
    parser.epilog = (
        "examples:\n  python -m models.predict --model runs/default --input news --output predicted.jsonl\n"
        "  python -m data.label_studio queue predicted.jsonl --labelled data/gold/seeds.jsonl --to order.jsonl\n"
        "  python -m data.label_studio queue a.jsonl b.jsonl --project hospitals   (two checkpoints; sets the order there)")
    parser.add_argument("input", nargs="+", type=Path, metavar="PREDICTED.jsonl",
                        help="what models.predict wrote, a file for each checkpoint")
    parser.add_argument("--labelled", nargs="+", default=[], metavar="GOLD",
                        help="what is annotated already: .jsonl, or data/corpus@train")
    parser.add_argument("--per", choices=("article", "character"), default="article",
                        help="what annotating costs: the same for each article (long ones first), or by its length")
    for name, about in (("spans", "tags in doubt"), ("pairs", "relations in doubt"),
                        ("disagreement", "marks checkpoints disagree on"), ("novelty", "new names of hospitals")):
        parser.add_argument(f"--{name}", type=float, metavar="WEIGHT", help=f"weight of {about}")
    parser.add_argument("--to", type=Path, metavar="FILE.jsonl", help="write the articles in this order, with rank and reason")
    parser.add_argument("--project", metavar="NUMBER|TITLE", help="set the order in this project (its tasks were pushed before)")
    try:
        from data.label_studio.client import add_server_arguments
    except ModuleNotFoundError:  # an installation without the server's client still orders files
        return
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Order, explain the first ten, write the order and set it in the project as asked."""
    from data.learning_order import WEIGHTS, order_articles

    weights = {name: default if getattr(args, name) is None else getattr(args, name) for name, default in WEIGHTS.items()}
    if min(weights.values()) < 0:
        raise UsageError("expected weights of 0 or more", place="queue", repair="--novelty 0.5")
    checkpoints = [_predictions(path) for path in args.input]
    queue = order_articles(checkpoints, _labelled(args.labelled), weights=weights, per=args.per)
    if not queue.places:
        raise DataError("no article is left to order: none stands in every file, or all repeat labelled ones",
                        place=" ".join(map(str, args.input)), repair="predict the same articles with every checkpoint")
    _explain(queue, sum(len(c) for c in checkpoints), len(checkpoints))
    if args.to:
        write_order(args.to, queue)
        print(f"written: {args.to}")
    if args.project:
        from data.label_studio.client import Server, read_token

        server = Server(args.url, read_token(args.token_file), attempts=args.attempts, timeout_s=args.timeout)
        print(set_order(server, args.project, queue))
    return EXIT_OK


def _predictions(path: Path) -> list[Article]:
    articles = read_jsonl(path)
    if bare := sum(a.model is None for a in articles):
        raise DataError(f"{bare} of {len(articles)} articles are no predictions", place=str(path),
                        repair="python -m models.predict --model RUN --input PATH --output FILE")
    return articles


def _labelled(sources: Iterable[str]) -> list[Article]:
    from data.sources import read_source

    return [a for source in sources for a in read_source(source)]


def _explain(queue: Queue, read: int, checkpoints: int) -> None:
    lacking = read - checkpoints * (len(queue.places) + len(queue.duplicates))
    print(f"{len(queue.places)} articles in order, {len(queue.duplicates)} near-duplicates left out"
          + (f", {lacking} predictions of articles that stand in some files only" if lacking else ""))
    for place in queue.places[:EXPLAINED]:
        print(place.explain())


def write_order(path: Path, queue: Queue) -> None:
    """The predicted articles in order, one a line, with ``queue_rank`` and ``queue_reason``; any reader of articles reads it."""
    with atomic_write(path) as stream:
        for place in queue.places:
            record = {**article_to_dict(place.article), RANK: place.rank, REASON: place.explain(), "queue_parts": dict(place.parts)}
            stream.write(json_line(record) + "\n")


def set_order(server: Server, wanted: str, queue: Queue) -> str:
    """Put rank and reason into the data of the project's tasks, and keep a tab of the data manager sorted by rank, the first one.

    In that tab "Label Tasks As Displayed" hands the tasks out in this order. "Label All Tasks" goes by their numbers, whatever the
    tab shows: the open-source server knows no other order. Tasks that the queue leaves out lose their rank and come last. Returns
    what was done, in words.

    Raises:
        QianyueError: no task of the project is in the queue.
    """
    from tqdm import tqdm

    project = server.project(wanted)
    places = {p.article.id: p for p in queue.places}
    texts = {p.article.id: p.article.text for p in queue.places}
    ranked = changed = 0
    for task in tqdm(list(server.tasks(project.id)), unit=" tasks", disable=not sys.stderr.isatty()):
        key = str(task.data.get("id"))
        place = places.get(key) if task.data.get("text") == texts.get(key) else None
        said = {RANK: f"{place.rank:0{_RANK_DIGITS}d}", REASON: place.explain()} if place else {}
        rest = {k: v for k, v in task.data.items() if k not in (RANK, REASON)}
        ranked += place is not None
        if {**rest, **said} != task.data:
            changed += 1
            server.call(functools.partial(server.sdk.tasks.update, task.id, data={**rest, **said}))
    if not ranked:
        raise QianyueError("no task of the project is in the queue", place=f"project {project.id}",
                           repair="push the predictions first: python -m data.label_studio push PREDICTED.jsonl --project …")
    _keep_view(server, project.id)
    return (f"project {project.id}: {ranked} tasks ranked, {changed} changed; in its first tab, {VIEW!r}, choose "
            "Label Tasks As Displayed")


def _keep_view(server: Server, project_id: int) -> None:
    """The tab sorted by rank, made once, before all others: it is the one that opens with the project."""
    data: dict[str, Any] = {"title": VIEW, "type": "list", "target": "tasks", "ordering": [f"tasks:data.{RANK}"],
                            "filters": {"conjunction": "and", "items": []}}
    views: Sequence[Any] = server.call(lambda: server.sdk.views.list(project=project_id))
    same = next((v for v in views if _title(v) == VIEW), None)
    if same is None:
        same = server.call(lambda: server.sdk.views.create(project=project_id, data=data))
    else:
        server.call(lambda: server.sdk.views.update(str(same.id), project=project_id, data=data))
    order = [same.id, *(v.id for v in views if v.id != same.id)]
    server.call(lambda: server.sdk.views.update_order(project=project_id, ids=order))


def _title(view: Any) -> Any:
    data = view.data
    return data.get("title") if isinstance(data, dict) else getattr(data, "title", None)
