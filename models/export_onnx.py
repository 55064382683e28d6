"""Writes a model as ONNX: the tagger with its states, and the relation head; and quantises the tagger to 8 bits."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn

from models.fast_bert import LeanEncoder
from models.inputs import Batch
from models.onnx_engine import PAIR_INPUTS, RELATIONS, TAGGERS, pair_inputs
from models.pairs import PairBatch
from models.relations import RelationHead
from models.signing import SigningModel

OPSET = 20  # the first with Gelu


class _Tagger(nn.Module):
    def __init__(self, model: SigningModel) -> None:
        super().__init__()
        self.encoder, self.classifier = LeanEncoder(model.bert, torch.float32, plain=True), model.classifier

    def forward(self, input_ids: torch.Tensor, token_types: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        states = self.encoder.read_rows(input_ids, token_types, mask)
        return self.classifier(states), states


class _Relations(nn.Module):
    def __init__(self, head: RelationHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        named = dict(zip(PAIR_INPUTS, values, strict=True))
        states = named.pop("states")
        bounds = named.pop("sentence_start"), named.pop("sentence_end")
        return self.head(states, SimpleNamespace(**named, sentence_bounds=bounds))


def write_onnx(model: SigningModel, batch: Batch, pairs: PairBatch, folder: Path) -> None:
    """Write ``tagger.onnx`` and, where there is a relation head, ``relations.onnx``.

    Args:
        batch: an example with several windows.
        pairs: an example with several pairs, of the batch's articles.
    """
    mask = batch.attention_mask.bool()
    axes = {0: "windows", 1: "tokens"}
    _export(_Tagger(model).eval(), (batch.input_ids, batch.token_types, mask), folder / TAGGERS["onnx"],
            inputs=["input_ids", "token_types", "mask"], outputs=["logits", "states"],
            axes=dict.fromkeys(("input_ids", "token_types", "mask", "logits", "states"), axes))
    if model.relation_head is not None:
        values = pair_inputs(torch.zeros(len(batch.token_index), model.config.hidden_size), pairs)
        sizes = {"states": "tokens", "head": "pairs", "tail": "pairs", "features": "pairs"}
        _export(_Relations(model.relation_head).eval(), tuple(values[name] for name in PAIR_INPUTS), folder / RELATIONS,
                inputs=list(PAIR_INPUTS), outputs=["logits"],
                axes={**{name: {0: sizes.get(name, "spans")} for name in PAIR_INPUTS}, "logits": {0: "pairs"}})


def _export(
    module: nn.Module, values: tuple[torch.Tensor, ...], path: Path, *, inputs: list[str], outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    chatter = logging.getLogger("torch.onnx")
    before = chatter.level
    chatter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
            warnings.simplefilter("ignore")
            torch.onnx.export(module, values, str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes,
                              opset_version=OPSET, dynamo=False)
    finally:
        chatter.setLevel(before)


def quantise(source: Path, target: Path) -> None:
    """The same graph with the weights of its matrix products in 8 bits a channel; activations are quantised as they
    come (dynamic)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it advises, on the root logger, a preparation that changes nothing here
    try:
        quantize_dynamic(str(source), str(target), weight_type=QuantType.QInt8, per_channel=True,
                         op_types_to_quantize=["MatMul", "Gemm"], extra_options={"MatMulConstBOnly": True})
    finally:
        logging.getLogger().setLevel(before)
