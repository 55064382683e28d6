"""``python -m data.label_studio push``: articles and pre-annotations to a project, or to a file of tasks."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from data.article import Article, collect_jsonl
from data.convert import report
from data.errors import EXIT_FAILED, EXIT_OK, DataError
from data.files import write_text
from data.formats.base import Ledger
from data.label_studio.client import NO_SDK_RETRIES, Server, ServerError, add_server_arguments, read_token
from data.label_studio.config import labelling_config
from data.label_studio.tasks import Key, build_tasks, interface_of, key_of
from data.schema import Schema, load_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = ("Articles to Label Studio. What models.predict wrote becomes pre-annotations; gold becomes annotations; "
                          "bare articles become tasks to annotate. Tasks that are there already (same id, same text) are never "
                          "doubled: they get the new pre-annotation, and keep every annotation.")
    parser.epilog = ("examples:\n  python -m data.label_studio push predicted.jsonl --project hospitals --create\n"
                     "  python -m data.label_studio push predicted.jsonl --project 3 --token-file ~/.label-studio-token\n"
                     "  python -m data.label_studio push predicted.jsonl --to tasks.json      (no server at all)")
    parser.add_argument("input", nargs="+", type=Path, metavar="FILE.jsonl", help="articles, predicted, gold or bare")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--project", metavar="NUMBER|TITLE", help="the project")
    target.add_argument("--to", type=Path, metavar="FILE.json", help="write the tasks to this file instead")
    parser.add_argument("--create", action="store_true", help="make the project when no project has that title")
    parser.add_argument("--schema", type=Path, default=Path("configs/schema/parties.yaml"),
                        help="labels and relations that go along (default: %(default)s)")
    parser.add_argument("--model-version", metavar="NAME",
                        help="the pre-annotations' version (default: the model named in the input)")
    parser.add_argument("--batch", type=int, default=50, metavar="TASKS", help="tasks of one request (default: %(default)s)")
    add_server_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Push; say what was sent, what was there, and what could not go."""
    schema = load_schema(args.schema)
    ledger = Ledger(source=" ".join(map(str, args.input)))
    articles = read_articles(args.input, ledger)
    if args.to:
        interface = interface_of(labelling_config(schema), schema, place=str(args.schema))
        tasks = build_tasks(articles, schema, interface, ledger, model_version=args.model_version)
        if tasks:
            write_text(args.to, json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")
        done: Counter[str] = Counter({"tasks written": len(tasks)})
    else:
        server = Server(args.url, read_token(args.token_file), attempts=args.attempts, timeout_s=args.timeout)
        done = push(server, args.project, articles, schema, ledger, create=args.create, batch=args.batch,
                    model_version=args.model_version)
    for line in report(ledger):
        print(line, file=sys.stderr)
    print(f"{args.to or args.project}: " + ", ".join(f"{number} {what}" for what, number in done.items()))
    return EXIT_OK if sum(done.values()) else EXIT_FAILED


def read_articles(paths: Sequence[Path], ledger: Ledger) -> list[Article]:
    """The articles of JSONL files; broken lines go to the ledger.

    Raises:
        DataError: a file is missing.
    """
    articles: list[Article] = []
    for path in paths:
        if not path.is_file():
            raise DataError("no such file", place=str(path),
                            repair="python -m models.predict --model RUN --input PATH --output FILE")
        found, faults = collect_jsonl(path)
        articles += found
        for fault in faults:
            place, _, reason = fault.partition(": ")
            ledger.skip(f"{path} {place}", reason)
    return articles


def push(server: Server, wanted: str, articles: Sequence[Article], schema: Schema, ledger: Ledger, *, create: bool = False,
         batch: int = 50, model_version: str | None = None) -> Counter[str]:
    """Bring a project up to date with the articles: new tasks in batches, new pre-annotations on tasks that are there.

    Returns:
        what was done, counted.

    Raises:
        ServerError: the server refuses, or the project is missing and ``create`` is not said.
        UsageError: the project's labelling configuration does not fit the schema.
    """
    if create and server.find_project(wanted) is None:
        server.create_project(wanted, labelling_config(schema))
    project = server.project(wanted)
    interface = interface_of(project.label_config, schema, place=f"project {project.id}")
    tasks = build_tasks(articles, schema, interface, ledger, model_version=model_version)
    there = {key_of(task.data): task for task in server.tasks(project.id)}
    new, known = _split(tasks, there, ledger)
    done: Counter[str] = Counter({"new tasks": 0, "tasks already there": len(known)})
    from tqdm import tqdm

    with tqdm(total=len(tasks), unit=" tasks", disable=not sys.stderr.isatty()) as bar:
        for some in _batches(new, batch):
            done["new tasks"] += _import_each(server, project.id, some, ledger)
            bar.update(len(some))
        for task, on_server in known:
            try:
                _predict(server, task, on_server, done)
            except ServerError as fault:
                if fault.status != HTTPStatus.BAD_REQUEST:
                    raise
                ledger.skip(task["data"]["id"], fault.problem)
            ledger.count("gold articles whose task is there already: its annotations were left alone", bool(task["annotations"]))
            bar.update()
    if server.retried:
        done["requests tried again"] = server.retried
    return done


def _split(tasks: Sequence[dict[str, Any]], there: dict[Key, Any], ledger: Ledger
           ) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], Any]]]:
    """Tasks that are new, and those that the server has, beside the server's own."""
    texts = {hashed: task for (_, hashed), task in there.items()}
    ids = {name: task for (name, _), task in there.items()}
    new: list[dict[str, Any]] = []
    known: list[tuple[dict[str, Any], Any]] = []
    for task in tasks:
        name, hashed = key = key_of(task["data"])
        if key in there:
            known.append((task, there[key]))
        elif name in ids:
            ledger.skip(name, f"task {ids[name].id} has this id and another text; delete that task, or give the article another id")
        elif hashed in texts:
            ledger.skip(name, f"task {texts[hashed].id} has this text under the id {texts[hashed].data.get('id')}")
        else:
            new.append(task)
    return new, known


def _batches(tasks: Sequence[dict[str, Any]], size: int) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(tasks), max(1, size)):
        yield tasks[start : start + max(1, size)]


def _import(server: Server, project_id: int, tasks: Sequence[dict[str, Any]]) -> int:
    """Send new tasks; returns how many. A request that failed may have arrived all the same: before the next try those that
    did are left out."""
    first = True

    def send() -> None:
        nonlocal first
        rest = list(tasks)
        if not first:
            arrived = {key_of(task.data) for task in server.tasks(project_id)}
            rest = [task for task in tasks if key_of(task["data"]) not in arrived]
        first = False
        if rest:
            server.sdk.projects.import_tasks(project_id, request=rest, request_options=NO_SDK_RETRIES)

    server.call(send)
    return len(tasks)


def _import_each(server: Server, project_id: int, tasks: Sequence[dict[str, Any]], ledger: Ledger) -> int:
    """Send new tasks; where the server refuses them together, one by one. Returns how many went.

    Raises:
        ServerError: it takes none of them.
    """
    try:
        return _import(server, project_id, tasks)
    except ServerError as fault:
        if fault.status != HTTPStatus.BAD_REQUEST or len(tasks) == 1:
            raise
    sent = 0
    refused: list[tuple[str, ServerError]] = []
    for task in tasks:
        try:
            sent += _import(server, project_id, [task])
        except ServerError as fault:
            refused.append((task["data"]["id"], fault))
            if len(refused) == len(tasks):  # so it is not the tasks
                raise
    for name, refusal in refused:
        ledger.skip(name, refusal.problem)
    return sent


def _predict(server: Server, task: dict[str, Any], on_server: Any, done: Counter[str]) -> None:
    """Put the pre-annotation of a task beside those it has; one of the same model version is replaced if it says otherwise."""
    for prediction in task["predictions"]:
        def send(wanted: dict[str, Any] = prediction) -> str:
            there = server.sdk.predictions.list(task=on_server.id, request_options=NO_SDK_RETRIES)
            same = next((p for p in there if p.model_version == wanted["model_version"]), None)
            if same is None:
                server.sdk.predictions.create(task=on_server.id, request_options=NO_SDK_RETRIES, **wanted)
                return "pre-annotations added"
            if same.result == wanted["result"]:
                return "pre-annotations that were there"
            server.sdk.predictions.update(same.id, task=on_server.id, request_options=NO_SDK_RETRIES, **wanted)
            return "pre-annotations replaced"

        done[server.call(send)] += 1
