"""``python -m models.export --model RUN --to onnx [--int8]``: ONNX files beside a run, kept only where gates pass."""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_OK, ModelError, UsageError, run_command

if TYPE_CHECKING:
    from data.article import Article
    from models.document import Predictor
    from models.engines import Engine

PARITY_ARTICLES = 200
MAX_SCORE_GAP = 1e-4
MAX_F1_LOSS = 0.003
ROUNDS = 5


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Command line of ``models.export``."""
    parser = argparse.ArgumentParser(
        prog="python -m models.export", description="Export a run to ONNX; refused where it reads worse or no faster.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="gates, measured on this machine (faster than --replaces):\n"
               f"  onnx       spans identical on {PARITY_ARTICLES} articles, scores within {MAX_SCORE_GAP}, faster\n"
               f"  onnx-int8  at most {100 * MAX_F1_LOSS:.1f} points of F1 lost (entities, relations), faster\n"
               "examples:\n  python -m models.export --model runs/default --to onnx\n"
               "  python -m models.export --model runs/default --to onnx --int8 --replaces torch")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--to", required=True, choices=["onnx"], help="the format")
    parser.add_argument("--int8", action="store_true", help="also quantise the tagger's weights to 8 bits")
    parser.add_argument("--replaces", choices=["torch", "torch-bf16"],
                        help="the engine that must be slower (default: the fastest torch engine of this machine)")
    parser.add_argument("--data", nargs="+", default=["data/corpus@dev", "data/corpus@train"], metavar="GOLD",
                        help="gold for the gates, F1 on the first source (default: %(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads of all engines (default: torch's choice)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    if args.threads is not None and args.threads < 1:
        raise UsageError(f"expected at least one thread, found {args.threads}", place="--threads", repair="--threads 1")
    _need_onnx()
    import torch

    from data.schema import restrict
    from data.sources import read_sources
    from models.engines import native_bf16
    from models.onnx_engine import FOLDER, RECORD, cpu_name, weights_digest
    from models.run_folder import load_predictor

    torch.set_num_threads(args.threads or torch.get_num_threads())
    replaces = args.replaces or ("torch-bf16" if native_bf16() and not torch.cuda.is_available() else "torch")
    predictor = load_predictor(args.model, engine=replaces)
    # What is written, and what onnxruntime reads, lies on the CPU; the engine that is replaced keeps the model where it was put.
    predictor = replace(predictor, model=copy.deepcopy(predictor.model).cpu())
    gold = [restrict(a, predictor.schema, Counter()) for a in read_sources(args.data[:1])]
    articles = [*gold, *read_sources(args.data[1:])][:PARITY_ARTICLES]
    if not articles:
        raise UsageError("the gates have no article to measure on", place="--data", repair="--data data/corpus@dev")
    names = ["onnx", *(["onnx-int8"] if args.int8 else [])]
    target = args.model / FOLDER
    with tempfile.TemporaryDirectory(dir=args.model, prefix=".exporting-") as temporary:
        folder = Path(temporary)
        _write(predictor, gold, folder, int8=args.int8)
        gates = {name: _gate(name, predictor, folder, gold, articles) for name in names}
        passed = {name: gate for name, gate in gates.items() if not gate["refused"]}
        if passed:
            record = {"weights": weights_digest(args.model), "cpu": cpu_name(), "replaces": replaces, "engines": passed}
            (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
            _move(folder, target, list(passed))
    for name, gate in gates.items():
        print(f"{name}: {gate['spans']} spans, {gate['differ']} differ, scores within {gate['score_gap']:.1e}, F1 "
              f"{100 * gate['f1_change']:+.2f} points, {1 / gate['time_share_of_fastest']:.2f} times as fast as {replaces}; "
              + (f"refused: {gate['refused']}" if gate["refused"] else f"written to {target}"))
    if len(passed) < len(gates):
        raise ModelError("; ".join(f"{n}: {g['refused']}" for n, g in gates.items() if g["refused"]),
                         place=str(args.model), repair=f"python -m models.predict … --engine {replaces}, which is better here")
    return EXIT_OK


def _need_onnx() -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        raise ModelError(f"{' and '.join(missing)} not installed", place="models.export", repair="pip install 'qianyue[onnx]'")


def _write(predictor: Predictor, gold: Sequence[Article], folder: Path, *, int8: bool) -> None:
    from models.export_onnx import quantise, write_onnx
    from models.onnx_engine import TAGGERS
    from models.pairs import build_pairs

    encoded = [predictor.encoder.encode(a) for a in gold[:4]]
    batch = predictor.encoder.batch(encoded)
    pairs = build_pairs(encoded, [list(e.spans) for e in encoded], predictor.encoder.schema)
    write_onnx(predictor.model, batch, pairs, folder)
    if int8:
        quantise(folder / TAGGERS["onnx"], folder / TAGGERS["onnx-int8"])


def _move(source: Path, target: Path, names: Sequence[str]) -> None:
    """Put what passed into the run; what a former export left goes, and the record comes last."""
    from models.onnx_engine import RECORD, RELATIONS, TAGGERS

    target.mkdir(exist_ok=True)
    (target / RECORD).unlink(missing_ok=True)
    for name, file in TAGGERS.items():
        (target / file).unlink(missing_ok=True)
        if name in names:
            (source / file).replace(target / file)
    for file in (RELATIONS, RECORD):
        if (source / file).is_file():
            (source / file).replace(target / file)


def _gate(
    name: str, predictor: Predictor, folder: Path, gold: Sequence[Article], articles: Sequence[Article]
) -> dict[str, Any]:
    """What an engine changes against float32, and how long it takes against the engine it replaces."""
    import torch

    from data.schema import restrict
    from models.fast_bert import FastEngine
    from models.onnx_engine import OnnxEngine

    engine: Engine = OnnxEngine(predictor.model, folder, name=name)
    exact = FastEngine(predictor.model, dtype=torch.float32)
    whole = replace(predictor, answers=None)  # whatever is read must be the same, handed out or not
    expected, found = _read(whole, exact, articles), _read(whole, engine, articles)
    spans, other = _spans(expected), _spans(found)
    gaps = [abs(spans[key] - other[key]) for key in spans.keys() & other.keys()]
    base, new = (micro_f1(gold, [restrict(a, predictor.schema) for a in read[:len(gold)]]) for read in (expected, found))
    change = min(n - b for b, n in zip(base, new, strict=True))
    share = time_share(predictor, engine, articles[:60])
    gate: dict[str, Any] = {"spans": len(spans), "differ": len(spans.keys() ^ other.keys()),
                            "score_gap": max(gaps, default=0.0), "f1_change": change, "time_share_of_fastest": share}
    reasons = []
    # Scores are written with four digits, whose differences are not exact.
    if name == "onnx" and (gate["differ"] or gate["score_gap"] > MAX_SCORE_GAP + 1e-9):
        reasons.append(f"{gate['differ']} spans differ and scores are up to {gate['score_gap']:.1e} apart")
    if name == "onnx-int8" and change < -MAX_F1_LOSS:
        reasons.append(f"loses {-100 * change:.2f} points of F1, at most {100 * MAX_F1_LOSS:.1f} are allowed")
    if share >= 1:
        reasons.append(f"takes {share:.2f} times as long as what it replaces")
    return {**gate, "refused": ", ".join(reasons)}


def _read(predictor: Predictor, engine: Engine, articles: Sequence[Article]) -> list[Article]:
    return list(replace(predictor, engine=engine).predict(articles))


def _spans(articles: Sequence[Article]) -> dict[tuple[str, int, int, str], float]:
    return {(a.id, e.char_start, e.char_end, e.label): e.score or 0.0 for a in articles for e in a.entities}


def micro_f1(gold: Sequence[Article], found: Sequence[Article]) -> tuple[float, float]:
    """Strict micro F1 of entities and of relations, 0 to 1."""
    def entities(articles: Sequence[Article]) -> set[tuple[Any, ...]]:
        return set(_spans(articles))

    def relations(articles: Sequence[Article]) -> set[tuple[Any, ...]]:
        place = {(a.id, e.id): (e.char_start, e.char_end) for a in articles for e in a.entities}
        return {(a.id, r.type, place[a.id, r.head], place[a.id, r.tail]) for a in articles for r in a.relations}

    def score(right: set[tuple[Any, ...]], said: set[tuple[Any, ...]]) -> float:
        return 2 * len(right & said) / max(1, len(right) + len(said))

    return score(entities(gold), entities(found)), score(relations(gold), relations(found))


def time_share(predictor: Predictor, engine: Engine, articles: Sequence[Article]) -> float:
    """How long an engine takes as a share of the predictor's own; both by turns, the best round of each counts."""
    encoded = [predictor.encoder.encode(a) for a in articles]
    batch = predictor.encoder.batch(encoded)
    spans = [list(e.spans) for e in encoded]
    assert predictor.engine is not None
    best = {engine.name: float("inf"), predictor.engine.name: float("inf")}
    for _ in range(ROUNDS):
        for one in (predictor.engine, engine):
            started = time.perf_counter()
            _, states = one.read(batch)
            one.score_pairs(batch, states, spans)
            best[one.name] = min(best[one.name], time.perf_counter() - started)
    return best[engine.name] / best[predictor.engine.name]


if __name__ == "__main__":
    sys.exit(run_command(main))
