"""``python -m training.train --config C``: train, evaluate, and leave a run folder and a report."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoConfig, AutoTokenizer, BertConfig, PreTrainedTokenizerBase, set_seed

from data.article import Article
from data.augment import Augmenter
from data.errors import EXIT_OK, ModelError, UsageError, run_command
from data.schema import Schema, load_schema, restrict
from data.sources import read_sources
from eval.cost import Meter
from eval.evaluate import RunFacts, evaluate_run
from eval.metrics import score_articles
from eval.thresholds import tune_thresholds
from models.attention import PLAIN
from models.checkpoint import check_checkpoint
from models.engines import native_bf16
from models.hints import TOKEN_TYPES
from models.inputs import TextEncoder
from models.model_card import model_card
from models.reading_heads import SETTINGS
from models.run_folder import (
    dump_yaml,
    load_predictor,
    predictor_of,
    quietly,
    remove_folder,
    save_run,
)
from models.signing import SigningModel
from training.config import TrainConfig, load_config
from training.ranks import threads_of_process
from training.stream import training_stream
from training.trainer import (
    SigningTrainer,
    checkpoint_folder,
    last_complete_checkpoint,
    training_arguments,
)


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a run trains on, restricted to the schema it reads in, what it is scored on, restricted to the schema it
    answers in, and what the restriction dropped."""

    schema: Schema
    reading: Schema
    train: list[Article]
    dev: list[Article]
    dropped: Counter[str]


def read_material(config: TrainConfig) -> Material:
    """Read and restrict all articles of a config.

    Raises:
        DataError, UsageError: sources are missing or wrong, nothing is left to train on, or the schema that is read in
            lacks something of the one that is answered in.
    """
    schema = load_schema(config.label_schema)
    reading = load_schema(config.reading_schema) if config.reading_schema else schema
    if not reading.covers(schema):
        raise UsageError(f"expected all labels and relations of {config.label_schema}; some are not in "
                         f"{config.reading_schema}", place="reading_schema", repair="--set reading_schema=null")
    dropped: Counter[str] = Counter()
    train = read_sources(config.data.train, exclude=config.data.exclude)
    if config.data.limit is not None:
        authored = read_sources([s for s in config.data.train if "@" in s], exclude=config.data.exclude)
        train = _limit_authored(train, [a.id for a in authored], config.data.limit, config.seed)
    dev = read_sources(config.data.dev)
    if shared := sorted({a.id for a in train} & {a.id for a in dev}):
        raise UsageError(f"articles are in data.train and data.dev: {', '.join(shared[:10])}", place="config",
                         repair="--set data.exclude='[…]', or take one source out")
    if not train:
        raise UsageError("no article is left to train on", place=", ".join(config.data.train),
                         repair="add gold articles there, or see data.train and data.exclude")
    return Material(schema=schema, reading=reading, train=[restrict(a, reading, dropped) for a in train],
                    dev=[restrict(a, schema, dropped) for a in dev], dropped=dropped)


def _limit_authored(articles: list[Article], authored: list[str], limit: int, seed: int) -> list[Article]:
    """Keep all other articles and a seeded draw of ``limit`` of the authored ones; a larger draw holds a smaller."""
    left_out = set(random.Random(seed).sample(authored, len(authored))[limit:])
    return [a for a in articles if a.id not in left_out]


def build_model(
    config: TrainConfig, schema: Schema, answers: Schema | None = None
) -> tuple[SigningModel, PreTrainedTokenizerBase]:
    """The joint model on the config's encoder, its heads drawn from the config's seed.

    Args:
        schema: what the model tells apart.
        answers: what its predictions are restricted to; None: to nothing less.

    Raises:
        ModelError: the encoder is missing or unsafe to load, or no BERT.
    """
    is_local = config.encoder.startswith((".", "/")) or Path(config.encoder).parts[0] in ("models", "runs")
    if is_local or Path(config.encoder).exists():
        check_checkpoint(Path(config.encoder), required=("config.json", "model.safetensors", "tokenizer_config.json"))
    set_seed(config.seed)
    try:
        bert = AutoConfig.from_pretrained(config.encoder)
        tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    except (OSError, ValueError) as fault:
        raise ModelError(f"no encoder can be had under this name: {str(fault).splitlines()[0]}", place=config.encoder,
                         repair="encoder: models/encoder-zh-small, or a folder or hub name such as hfl/chinese-macbert-base"
                         ) from fault
    if not isinstance(bert, BertConfig):
        raise ModelError(f"expected a BERT architecture, found {bert.model_type}", place=config.encoder,
                         repair="encoder: hfl/chinese-macbert-base, or any checkpoint whose model_type is bert")
    if config.layers is not None:
        if config.layers > bert.num_hidden_layers:
            raise UsageError(f"the encoder has {bert.num_hidden_layers} layers, asked for {config.layers}",
                             place="layers", repair=f"--set layers={bert.num_hidden_layers}")
        bert.num_hidden_layers = config.layers
    bert.id2label = dict(enumerate(schema.tags))
    bert.label2id = {tag: i for i, tag in enumerate(schema.tags)}
    if (rate := config.regularise.encoder_dropout) is not None:
        # A head without a rate of its own takes the encoder's: it keeps the one it had.
        bert.classifier_dropout = bert.hidden_dropout_prob if bert.classifier_dropout is None else bert.classifier_dropout
        bert.hidden_dropout_prob = bert.attention_probs_dropout_prob = rate
    setattr(bert, SETTINGS, {
        "schema": schema.to_dict(), "max_tokens": min(config.windows.max_tokens, bert.max_position_embeddings),
        "overlap_tokens": config.windows.overlap_tokens, "hints": config.hints,
        "relation_head": config.relation_head, "tagger": config.tagger.kind,
        "thresholds": {}, "temperature": 1.0,
        **({} if answers in (None, schema) else {"answers": answers.to_dict()}),
    })
    model = SigningModel.from_pretrained(config.encoder, config=bert, use_safetensors=True, dtype=torch.float32)
    if config.hints:
        model.widen_token_types(TOKEN_TYPES)
    return model, tokenizer


def load_teacher(config: TrainConfig, student: SigningModel) -> SigningModel | None:
    """The run that a smaller model learns from, frozen.

    Raises:
        ModelError, UsageError: there is no such run, or it reads other tags or another vocabulary.
    """
    if config.teacher is None:
        return None
    teacher = load_predictor(config.teacher.run, engine="torch").model
    if (teacher.schema.tags, teacher.config.vocab_size) != (student.schema.tags, student.config.vocab_size):
        raise UsageError("expected a run with the same tags and vocabulary", place="teacher.run",
                         repair="train both with the same schema, reading_schema and encoder")
    return teacher.requires_grad_(False).to(student.device)


def make_stream(config: TrainConfig, material: Material, encoder: TextEncoder, *, processes: int = 1) -> Dataset:
    """All batches of a training, augmented as the config says; ``processes`` share out the tokens of a step."""
    options, rates = config.optimiser, config.augment.model_dump(exclude={"mask_tokens", "hide_hints"})
    return training_stream(
        material.train, encoder, epochs=options.epochs, batch_tokens=max(1, options.batch_tokens // processes),
        seed=config.seed, predicted_spans_from=options.predicted_spans_from, mask_tokens=config.augment.mask_tokens,
        hide_hints=config.augment.hide_hints,
        augment=Augmenter.from_articles(material.train, rates) if any(rates.values()) else None)


def train(
    config: TrainConfig, material: Material, *, resume: bool
) -> tuple[SigningModel, PreTrainedTokenizerBase, dict[str, Any]]:
    """Run the training loop to its end; returns model, tokenizer and what it cost."""
    model, tokenizer = build_model(config, material.reading, material.schema)
    predictor = predictor_of(model, tokenizer, name=config.name)
    options = config.optimiser
    processes = int(os.environ.get("WORLD_SIZE", 1))
    stream = make_stream(config, material, predictor.encoder, processes=processes)
    bf16 = {"auto": native_bf16(), "bf16": True, "fp32": False}[options.precision]

    def score_dev() -> dict[str, float]:
        scores = score_articles(material.dev, list(predictor.predict(material.dev)), material.schema)
        return {"entity_f1": scores["entities"]["micro"]["f1"], "relation_f1": scores["relations"]["micro"]["f1"],
                "event_parties_f1": scores["events"]["parties"]["f1"]}

    steps_per_epoch = max(1, len(stream) // options.epochs // processes)
    arguments = training_arguments(config, steps_per_epoch=steps_per_epoch, bf16=bf16)
    trainer = SigningTrainer(config=config, model=model, stream=stream, args=arguments, teacher=load_teacher(config, model),
                             score=score_dev if material.dev else None)
    checkpoints = checkpoint_folder(config)
    checkpoint = last_complete_checkpoint(checkpoints) if resume else None
    if not resume and trainer.is_world_process_zero():
        if last_complete_checkpoint(checkpoints):
            print(f"note: {checkpoints} held an unfinished run, begun anew; --resume would have gone on with it")
        remove_folder(checkpoints)
    if bf16 and not torch.cuda.is_available():
        model.set_attn_implementation(PLAIN)
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.keep_average()
    model.set_attn_implementation("sdpa")
    cost = {"train_seconds": round(time.monotonic() - started, 1), "steps": trainer.state.global_step,
            "bf16": bf16, "resumed_from": checkpoint.name if checkpoint else None,
            "log": trainer.state.log_history}
    return trainer.model, tokenizer, cost


def run(config: TrainConfig, *, resume: bool, command: str) -> None:
    """The whole main job of one config."""
    meter = Meter()
    torch.set_num_threads(threads_of_process(config.threads))
    material = read_material(config)
    main_process = int(os.environ.get("RANK", 0)) == 0
    if main_process:
        _announce(config, material)
    config.run_folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer, cost = train(config, material, resume=resume)
    if not main_process:
        return
    model.eval()
    decisions = tune_thresholds(predictor_of(model, tokenizer, name=config.name), material.dev)
    getattr(model.config, SETTINGS).update(decisions)
    predictor = predictor_of(model, tokenizer, name=config.name)
    facts = RunFacts(config=config.resolved(), command=command, train=material.train, dev=material.dev,
                     dropped=dict(material.dropped), cost={**cost, **_cost(meter)})
    gold = material.dev or [restrict(a, material.schema) for a in material.train]
    metrics = evaluate_run(predictor, gold, facts, config.report_folder)
    save_run(config.run_folder, model, tokenizer, {
        "run.yaml": dump_yaml(config.resolved()), "schema.yaml": dump_yaml(material.schema.to_dict()),
        "metrics.json": metrics.to_json(), "README.md": model_card(config.resolved(), metrics.record),
    })
    remove_folder(checkpoint_folder(config))
    print(f"\nmodel:  {config.run_folder}\nreport: {config.report_folder / 'index.html'}")


def _cost(meter: Meter) -> dict[str, Any]:
    """What the run has cost until it is scored."""
    reading = meter.read()
    return {"total_seconds": round(reading.pop("seconds"), 1), **reading}


def _announce(config: TrainConfig, material: Material) -> None:
    characters = sum(len(a.text) for a in material.train)
    print(f"{config.name}: training on {len(material.train)} articles ({characters:,} characters), "
          f"scored on {len(material.dev) or 'the training'} articles, schema {material.schema.name}"
          + (f", read in {material.reading.name}" if material.reading != material.schema else ""))
    if material.dropped:
        print("outside the schema: " + ", ".join(f"{n} {k}" for k, n in sorted(material.dropped.items())))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``training.train``."""
    parser = argparse.ArgumentParser(
        prog="python -m training.train", description="Train the joint model, evaluate it, write model and report.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m training.train --config configs/default.yaml\n"
               "  python -m training.train --config configs/ci.yaml --set optimiser.epochs=2 --set name=trial\n"
               "  python -m training.train --config configs/default.yaml --resume")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="a YAML file of configs/")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides",
                        help="override one key, such as optimiser.epochs=5; may be repeated")
    parser.add_argument("--resume", action="store_true", help="go on from the last whole checkpoint of a killed run")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    quietly()
    config = load_config(args.config, args.overrides)
    command = " ".join(["python -m training.train", f"--config {args.config}",
                        *(f"--set '{o}'" for o in args.overrides)])
    run(config, resume=args.resume, command=command)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
