"""Engines: what computes tag scores, states and pair scores of a batch. The text before and the document after are one.

==========  ==========================================================================================
torch       the weights as they are, in float32, on a GPU where there is one (fast_bert.py)
torch-bf16  the same in bf16, for CPUs with AMX or AVX512-BF16 and recent GPUs
onnx        what ``python -m models.export`` wrote, in onnxruntime, float32
onnx-int8   the same with weights quantised to 8 bits
auto        onnx-int8 or onnx where an export of the run passed its gates on this kind of CPU and is the fastest,
            else torch-bf16 where bf16 is computed in hardware, else torch
==========  ==========================================================================================

Nothing heavy is imported at the top, so that commands can list the names in their help.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from data.errors import UsageError

if TYPE_CHECKING:
    import torch

    from data.tags import TokenSpan
    from models.inputs import Batch
    from models.pairs import PairBatch
    from models.signing import SigningModel

# In /proc/cpuinfo. Beside float32 of the same CPU, AVX512-BF16 took a quarter of the time of a matrix product.
BF16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
ENGINES = ("auto", "torch", "torch-bf16", "onnx", "onnx-int8")


class Engine(Protocol):
    """Computes what the heads say of a batch. Shapes: N article tokens, H width, P pairs, R relation types."""

    name: str

    def read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Tag logits ``(N, tags)`` and encoder states ``(N, H)``, float32 on the CPU or the model's device."""
        ...

    def score_pairs(
        self, batch: Batch, states: torch.Tensor, spans: Sequence[Sequence[TokenSpan]], *, temperature: float = 1.0
    ) -> tuple[PairBatch, torch.Tensor]:
        """Candidate pairs of the given spans and their probabilities ``(P, R)``."""
        ...


class ModelEngine:
    """The model itself, live: what training scores itself with."""

    name = "model"

    def __init__(self, model: SigningModel) -> None:
        self._model = model

    def read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        output = self._model.joint(batch)
        return output.tag_logits, output.states

    def score_pairs(
        self, batch: Batch, states: torch.Tensor, spans: Sequence[Sequence[TokenSpan]], *, temperature: float = 1.0
    ) -> tuple[PairBatch, torch.Tensor]:
        return self._model.score_pairs(batch, states, spans, temperature=temperature)


def native_bf16(cpu_info: Path = Path("/proc/cpuinfo")) -> bool:
    """True where bf16 is computed in hardware: a recent GPU, or a CPU with AMX (Intel from 2023) or AVX512-BF16 (AMD
    from 2022); slower than float32 elsewhere."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return cpu_info.is_file() and not BF16_FLAGS.isdisjoint(cpu_info.read_text(encoding="utf-8").split())


def choose_engine(name: str, folder: Path) -> str:
    """The engine that ``auto`` stands for with this run on this machine; any other name as it is.

    Raises:
        UsageError: there is no such engine.
    """
    if name not in ENGINES:
        raise UsageError(f"expected one of {', '.join(ENGINES)}, found {name!r}", place="engine", repair="--engine auto")
    if name != "auto":
        return name
    fastest = "torch-bf16" if native_bf16() else "torch"
    from models.onnx_engine import exported

    # The gates measured both on this machine: the share is of the time that the fastest torch engine took.
    shares = {engine: gate["time_share_of_fastest"] for engine, gate in exported(folder).items()}
    return min((e for e in shares if shares[e] < 1), key=lambda e: shares[e], default=fastest)


def engine_device(engine: str) -> str:
    """Where an engine computes: a GPU where there is one, but onnxruntime on the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() and not engine.startswith("onnx") else "cpu"


def make_engine(name: str, model: SigningModel, folder: Path) -> Engine:
    """An engine for a loaded model, which is moved to where it computes; ``folder`` is its run.

    Raises:
        UsageError: there is no such engine.
        ModelError: the run holds no such export, or onnxruntime is not installed.
    """
    import torch

    from models.fast_bert import FastEngine

    chosen = choose_engine(name, folder)
    model.to(engine_device(chosen))
    if chosen in ("onnx", "onnx-int8"):
        from models.onnx_engine import OnnxEngine, check_export

        return OnnxEngine(model, check_export(folder, chosen), name=chosen)
    return FastEngine(model, dtype=torch.bfloat16 if chosen == "torch-bf16" else torch.float32, name=chosen)
