"""``python -m training.active_learning FILE``: learning in the queue's order against learning in random order.

Each draw takes a pool at random, labels a few articles of it, and then goes on two ways: the next articles of the random
order, or the first of the queue (:mod:`data.learning_order`) of the model trained so far. One JSON row a training goes to
``reports/<name>/rows.jsonl``; what stands there is not trained again: kill it anywhere, run it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_OK, UsageError, run_command
from training.active_learning_table import QUEUE, RANDOM, START, summarise, table

if TYPE_CHECKING:
    from data.article import Article
    from models.document import Predictor
    from training.active_learning_config import Experiment

EPOCHS = (5, 15)  # fewest and most of one training
Rows = dict[tuple[int, str, int], dict[str, Any]]


class Runner:
    """The trainings of one experiment; a row that is there is not made again."""

    def __init__(self, experiment: Experiment, *, report: Path) -> None:
        from data.schema import load_schema, restrict
        from data.sources import read_source
        from training.config import load_config

        self.experiment, self.rows_file = experiment, report / "rows.jsonl"
        self.encoder = shallow_encoder(experiment, report / "encoder")
        self.config = load_config(experiment.config, [
            *experiment.overrides, "reading_schema=null", f"encoder={self.encoder}", f"seed={experiment.seed}"])
        self.schema = load_schema(self.config.label_schema)
        self.pool = [restrict(a, self.schema) for a in read_source(experiment.pool)]
        self.test = [restrict(a, self.schema) for a in read_source(experiment.test)]
        # More draws go on with the same rows; so do rows from before there was a choice of cost.
        beside = {"draws", "per"} if experiment.per == "article" else {"draws"}
        self.fingerprint = hashlib.sha256(
            f"{experiment.model_dump_json(exclude=beside)} {self.config.resolved()}".encode()).hexdigest()[:16]
        self.rows = read_rows(self.rows_file, self.fingerprint)

    def draw(self, number: int) -> None:
        """All trainings of one draw."""
        e = self.experiment
        order = random.Random(f"{e.seed}/{number}").sample(self.pool, min(e.pool_articles, len(self.pool)))
        by_id = {a.id: a for a in order}
        labelled = [a.id for a in order[: e.start]]
        row = self.row(number, START, labelled, by_id, rank=True)
        for size in e.random_sizes:
            self.row(number, RANDOM, [a.id for a in order[:size]], by_id)
        for size in e.queue_sizes:
            labelled = [*labelled, *row["queue"][: size - len(labelled)]]
            row = self.row(number, QUEUE, labelled, by_id, rank=size != e.queue_sizes[-1])

    def row(self, number: int, arm: str, chosen: Sequence[str], by_id: Mapping[str, Article], *,
            rank: bool = False) -> dict[str, Any]:
        """The scores of a model trained on the chosen articles and, where asked, its queue of the others."""
        key = (number, arm, len(chosen))
        if key in self.rows:
            return self.rows[key]
        from data.learning_order import order_articles
        from eval.metrics import score_articles

        begun = time.process_time()
        articles = [by_id[i] for i in chosen]
        predictor = self.train(articles, seed=self.experiment.seed + number)
        scores = score_articles(self.test, list(predictor.predict(self.test)), self.schema)
        record: dict[str, Any] = {
            "fingerprint": self.fingerprint, "draw": number, "arm": arm, "articles": len(chosen),
            "characters": sum(len(a.text) for a in articles), "entities": scores["entities"]["micro"]["f1"],
            "relations": scores["relations"]["micro"]["f1"]}
        if rank:
            rest = [a for i, a in by_id.items() if i not in set(chosen)]
            queue = order_articles([list(predictor.predict(rest))], articles, per=self.experiment.per)
            record["queue"] = [p.article.id for p in queue.places]
        record["cpu_seconds"] = round(time.process_time() - begun, 1)
        with self.rows_file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.rows[key] = record
        return record

    def train(self, articles: Sequence[Article], *, seed: int) -> Predictor:
        """A model trained on the articles alone, with the experiment's effort."""
        from collections import Counter

        from models.run_folder import predictor_of
        from training.train import Material, train

        epochs = epochs_for(self.experiment.article_epochs, len(articles))
        config = self.config.model_copy(update={
            "seed": seed, "name": f"{self.experiment.name}/training", "save_every": 1_000_000,
            "optimiser": self.config.optimiser.model_copy(update={"epochs": epochs}),
            "data": self.config.data.model_copy(update={"dev": []})})
        material = Material(schema=self.schema, reading=self.schema, train=list(articles), dev=[], dropped=Counter())
        model, tokenizer, _ = train(config, material, resume=False)
        model.eval()
        return predictor_of(model, tokenizer, name=config.name)


def epochs_for(article_epochs: int, articles: int) -> int:
    """Epochs of a training on so many articles: about the same effort for each size, within ``EPOCHS``."""
    return min(max(round(article_epochs / articles), EPOCHS[0]), EPOCHS[1])


def shallow_encoder(experiment: Experiment, folder: Path) -> Path:
    """The config's encoder with its first ``layers`` layers only, made once."""
    from transformers import AutoModel, AutoTokenizer

    from training.config import load_config

    source = load_config(experiment.config, experiment.overrides).encoder
    folder = folder.with_name(f"{folder.name}-{experiment.layers}")
    if not (folder / "model.safetensors").is_file():
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
        model = AutoModel.from_pretrained(source, num_hidden_layers=experiment.layers, add_pooling_layer=False)
        model.float().save_pretrained(folder)
    return folder


def read_rows(path: Path, fingerprint: str) -> Rows:
    """Finished rows of the same experiment; a last line that a kill cut short is passed over."""
    rows: Rows = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # the training it told of is made again
        if row["fingerprint"] == fingerprint:
            rows[row["draw"], row["arm"], row["articles"]] = row
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.active_learning", description="Learning in the queue's order against random order.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m training.active_learning configs/active-learning.yaml\n"
               "  python -m training.active_learning configs/active-learning.yaml --only-table    (of the rows so far)")
    parser.add_argument("experiment", type=Path, metavar="FILE", help="a file such as configs/active-learning.yaml")
    parser.add_argument("--only-table", action="store_true", help="train nothing; the table of the rows that are there")
    args = parser.parse_args(argv)
    from tqdm import tqdm

    from data.files import write_text
    from training.active_learning_config import read_experiment

    experiment = read_experiment(args.experiment)
    report = Path("reports") / experiment.name
    report.mkdir(parents=True, exist_ok=True)
    runner = _runner(experiment, report)
    for number in () if args.only_table else tqdm(range(experiment.draws), unit="draw", disable=not sys.stderr.isatty()):
        runner.draw(number)
    if not runner.rows:
        raise UsageError("no training is finished yet", place=str(runner.rows_file), repair="run it without --only-table")
    summary = summarise(list(runner.rows.values()))
    write_text(report / "summary.json", json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    write_text(report / "table.md", table(summary) + "\n")
    print(f"\n{table(summary)}\n\nwritten: {report / 'table.md'}")
    return EXIT_OK


def _runner(experiment: Experiment, report: Path) -> Runner:
    import torch

    from models.run_folder import quietly

    quietly()
    runner = Runner(experiment, report=report)
    torch.set_num_threads(runner.config.threads or 1)
    return runner


if __name__ == "__main__":
    sys.exit(run_command(main))
