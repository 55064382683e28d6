"""The engine that runs what ``python -m models.export`` wrote, in onnxruntime.

``RUN/onnx`` holds ``tagger.onnx``, ``tagger.int8.onnx`` where it was asked for, ``relations.onnx`` (no file for a schema
without relations), and ``export.json``: of which weights they are, what each gate measured, and on which CPU.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from data.errors import ModelError
from data.tags import TokenSpan
from models.fast_bert import WindowEngine
from models.inputs import Batch
from models.pairs import PairBatch, build_pairs

if TYPE_CHECKING:
    import onnxruntime

    from models.signing import SigningModel

FOLDER, RECORD, RELATIONS = "onnx", "export.json", "relations.onnx"
TAGGERS = {"onnx": "tagger.onnx", "onnx-int8": "tagger.int8.onnx"}
PAIR_INPUTS = ("states", "span_start", "span_last", "span_label", "head", "tail", "features", "sentence_start",
               "sentence_end")


class OnnxEngine(WindowEngine):
    """Tags and pairs by onnxruntime on the CPU.

    Raises:
        ModelError: onnxruntime is not installed, or the folder lacks the file of this engine.
    """

    def __init__(self, model: SigningModel, folder: Path, *, name: str) -> None:
        super().__init__(model, name=name, dtype=torch.float32,
                         width=model.config.hidden_size + len(model.schema.tags))
        self._tagger = _session(folder / TAGGERS[name], name)
        self._relations = _session(folder / RELATIONS, name) if model.relation_head is not None else None

    def _encode(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        known = torch.ones_like(input_ids, dtype=torch.bool) if mask is None else mask
        logits, states = self._tagger.run(None, {"input_ids": input_ids.numpy(), "token_types": types.numpy(),
                                                 "mask": known.numpy()})
        return torch.cat([torch.from_numpy(states), torch.from_numpy(logits)], dim=-1)

    def read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Tag logits ``(N, tags)`` and states ``(N, H)``."""
        merged = self._merged(batch)
        width = self._model.config.hidden_size
        return merged[:, width:], merged[:, :width]

    def score_pairs(
        self, batch: Batch, states: torch.Tensor, spans: Sequence[Sequence[TokenSpan]], *, temperature: float = 1.0
    ) -> tuple[PairBatch, torch.Tensor]:
        """As :meth:`SigningModel.score_pairs`."""
        pairs = build_pairs(batch.articles, spans, self._model.schema)
        if self._relations is None or len(pairs.head) == 0:
            return pairs, torch.zeros(len(pairs.head), len(self._model.schema.relations))
        values = pair_inputs(states, pairs)
        logits, = self._relations.run(None, {name: values[name].numpy() for name in PAIR_INPUTS})
        return pairs, torch.sigmoid(torch.from_numpy(logits) / temperature) * pairs.allowed


def pair_inputs(states: torch.Tensor, pairs: PairBatch) -> dict[str, torch.Tensor]:
    """The inputs of ``relations.onnx``, by name."""
    start, end = pairs.sentence_bounds
    return {"states": states.contiguous(), "span_start": pairs.span_start, "span_last": pairs.span_last,
            "span_label": pairs.span_label, "head": pairs.head, "tail": pairs.tail, "features": pairs.features,
            "sentence_start": start, "sentence_end": end}


def exported(run: Path) -> dict[str, Any]:
    """What the gates measured of each engine that passed, where it holds for these weights, this machine and this
    installation; empty where it does not."""
    record_file = run / FOLDER / RECORD
    if find_spec("onnxruntime") is None or not record_file.is_file():
        return {}
    record = json.loads(record_file.read_text(encoding="utf-8"))
    same = record["weights"] == weights_digest(run) and record["cpu"] == cpu_name()
    return dict(record["engines"]) if same else {}


def weights_digest(run: Path) -> str:
    """SHA-256 of a run's weights."""
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def cpu_name() -> str:
    """The processor as the system names it; what was fastest on one need not be on another."""
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        facts = dict(line.split("\t", 1)[0:2] for line in cpu_info.read_text(encoding="utf-8").splitlines() if "\t" in line)
        names = [value.strip(": \t") for key, value in facts.items() if key.startswith(("model name", "model"))]
        return " ".join(names) or platform.machine()
    return platform.processor() or platform.machine()


def check_export(run: Path, name: str) -> Path:
    """The folder of a run's export.

    Raises:
        ModelError: it lacks the file of this engine, was made of other weights, or onnxruntime is not installed.
    """
    flag = " --int8" if name == "onnx-int8" else ""
    make = f"python -m models.export --model {run} --to onnx{flag}"
    if find_spec("onnxruntime") is None:
        raise ModelError("onnxruntime is not installed", place=f"engine {name}", repair="pip install 'qianyue[onnx]'")
    folder = run / FOLDER
    if not (folder / TAGGERS[name]).is_file() or not (folder / RECORD).is_file():
        raise ModelError(f"holds no export for the engine {name}", place=str(folder), repair=make)
    if json.loads((folder / RECORD).read_text(encoding="utf-8"))["weights"] != weights_digest(run):
        raise ModelError("was exported from other weights than the run now has", place=str(folder), repair=make)
    return folder


def _session(path: Path, name: str) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError as fault:
        raise ModelError("onnxruntime is not installed", place=f"engine {name}",
                         repair="pip install 'qianyue[onnx]'") from fault
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # onnxruntime has a class of its own for each code, and no common base
        raise ModelError(f"cannot be loaded: {fault}", place=str(path),
                         repair="write it anew: python -m models.export --model RUN --to onnx") from fault
