"""BERT for inference: the arithmetic of ``transformers``' BertModel without its generality.

On a CPU the windows stand end to end and nothing is padding (models/packing.py); elsewhere, and in ONNX, they are
rows sorted by length, so that little is. Query, key and value are one matrix product; additions are made in place.
``make bench-predict`` says what each of these brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from data.tags import TokenSpan
from models.inputs import Batch
from models.packing import Packed, pack
from models.pairs import PairBatch

if TYPE_CHECKING:
    from transformers import BertModel

    from models.signing import SigningModel

# Tokens computed at once. On a CPU few: a layer's widest tensor stays in the cache of a core, and memory that is freed fits
# what is asked for next (packs of 4,096 are no faster and leave 100 MiB of holes).
PIECE_TOKENS = {"cpu": 2048, "cuda": 65536}
OTHER_PIECE_TOKENS = 4096
WASTE = 16  # tokens that the longest window of a piece may be longer than the shortest
# Query, key and value ``(..., 3, heads, D)`` of tokens to what they read of each other, ``(..., heads * D)``.
Attention = Callable[[torch.Tensor], torch.Tensor]


def piece_tokens(device: torch.device) -> int:
    """How many tokens an engine computes at once on a device."""
    return PIECE_TOKENS.get(device.type, OTHER_PIECE_TOKENS)


class WindowEngine:
    """Gathers the windows of a batch into pieces of like length, and merges what a subclass computes of each.

    Args:
        model: gives sizes and device; its relation head scores the pairs.
        bucket: sort windows by length; off only to measure what it brings.
    """

    def __init__(self, model: SigningModel, *, name: str, dtype: torch.dtype, width: int, bucket: bool = True) -> None:
        self.name, self.bucket = name, bucket
        self._model, self._dtype, self._width = model, dtype, width

    def _encode(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``(B, T, width)`` of windows ``(B, T)``; ``mask`` ``(B, T)`` is true where a token is read, None if all are."""
        raise NotImplementedError

    def score_pairs(
        self, batch: Batch, states: torch.Tensor, spans: Sequence[Sequence[TokenSpan]], *, temperature: float = 1.0
    ) -> tuple[PairBatch, torch.Tensor]:
        """As :meth:`SigningModel.score_pairs`."""
        return self._model.score_pairs(batch, states, spans, temperature=temperature)

    def _merged(self, batch: Batch) -> torch.Tensor:
        """What is computed of each article token, ``(N, width)`` float32."""
        rows, width = batch.input_ids.shape
        device = self._model.device
        lengths = batch.attention_mask.sum(dim=1)
        states = torch.empty((rows, width, self._width), dtype=self._dtype, device=device)
        for piece in self._pieces(lengths):
            own = lengths[piece]
            longest = int(own.max())
            mask = None
            if int(own.min()) < longest:
                mask = (torch.arange(longest) < own[:, None]).to(device)  # (B, T)
            states[piece, :longest] = self._encode(batch.input_ids[piece, :longest].to(device),
                                                   batch.token_types[piece, :longest].to(device), mask)
        return states.flatten(0, 1)[batch.token_index.to(device)].float()

    def _pieces(self, lengths: torch.Tensor) -> Iterator[torch.Tensor]:
        """Indices of windows to compute together: about equally long, within ``PIECE_TOKENS``."""
        order = torch.argsort(lengths, stable=True) if self.bucket else torch.arange(len(lengths))
        limit = piece_tokens(self._model.device)
        ordered = lengths[order].tolist()
        start = 0
        for end in range(1, len(ordered) + 1):
            longest = max(ordered[start:end + 1])
            if end == len(ordered) or (end + 1 - start) * longest > limit or (
                    self.bucket and ordered[end] - ordered[start] > WASTE):
                yield order[start:end]
                start = end


class FastEngine(WindowEngine):
    """A copy of a model's encoder in ``dtype`` (float32 or bfloat16); the heads stay in float32.

    Args:
        packed: windows end to end instead of rows; by default on a CPU, where a call for each window costs little.
    """

    def __init__(
        self, model: SigningModel, *, dtype: torch.dtype, name: str = "torch", bucket: bool = True, packed: bool | None = None,
    ) -> None:
        super().__init__(model, name=name, dtype=dtype, width=model.config.hidden_size, bucket=bucket)
        self._encoder = LeanEncoder(model.bert, dtype)
        self._packed = model.device.type == "cpu" if packed is None else packed

    def _encode(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return self._encoder.read_rows(input_ids, types, mask)

    def read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Tag logits ``(N, tags)`` and states ``(N, H)``, both float32."""
        with torch.inference_mode():
            states = self._merged_packed(batch) if self._packed else self._merged(batch)
            return self._model.classifier(states), states

    def _merged_packed(self, batch: Batch) -> torch.Tensor:
        """As ``_merged``; of the windows only tokens are computed."""
        device = self._model.device
        packs = pack(batch, piece_tokens(device), device)
        states = torch.cat([self._encoder.read_packed(p)[:p.count] for p in packs])
        lengths = batch.attention_mask.sum(dim=1)
        width = batch.input_ids.shape[1]
        first = torch.cumsum(lengths, 0) - lengths  # (W,) where each window begins among the states
        window, place = batch.token_index // width, batch.token_index % width
        return states[(first[window] + place).to(device)].float()


class Linear:
    """A linear layer for inference. In bf16 on a CPU its weights are laid out once as oneDNN reads them, and a residual
    is added in the same call; PyTorch's own layer does the first at every call and the second in another pass."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self._weight, self._bias = weight, bias
        self._laid_out = None
        one_dnn = weight.device.type == "cpu" and weight.dtype == torch.bfloat16 and torch.backends.mkldnn.is_available()
        if one_dnn and torch.ops.mkldnn._is_mkldnn_bf16_supported():
            self._laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, piece_tokens(weight.device))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if self._laid_out is None:
            return functional.linear(x, self._weight, self._bias)
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._laid_out, self._bias, "none", [], "")
        return product

    def added(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """``residual + linear(x)``; the residual may be overwritten."""
        if self._laid_out is None:
            return residual.add_(functional.linear(x, self._weight, self._bias))
        total: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, residual, self._laid_out, self._bias, "add")
        return total


class _Layer(NamedTuple):
    qkv: Linear
    mix: Linear
    mixed: tuple[torch.Tensor, torch.Tensor]
    up: Linear
    down: Linear
    out: tuple[torch.Tensor, torch.Tensor]


class LeanEncoder:
    """The matrices of a BERT in one precision, and the pass through them (Devlin et al. 2019,
    https://arxiv.org/abs/1810.04805).

    Args:
        plain: write attention as matrix products and a softmax, which every exporter knows.
    """

    def __init__(self, bert: BertModel, dtype: torch.dtype, *, plain: bool = False) -> None:
        self._dtype, self._attend = dtype, _attend if plain else functional.scaled_dot_product_attention
        self._heads = bert.config.num_attention_heads
        self._activation = bert.encoder.layer[0].intermediate.intermediate_act_fn
        self._eps = bert.config.layer_norm_eps
        embeddings = bert.embeddings
        self._words, self._types = self._cast(embeddings.word_embeddings), self._cast(embeddings.token_type_embeddings)
        self._positions = self._cast(embeddings.position_embeddings)
        self._norm = (self._cast(embeddings.LayerNorm), self._cast(embeddings.LayerNorm, "bias"))
        self._layers = [self._layer(layer) for layer in bert.encoder.layer]

    def _cast(self, module: nn.Module, name: str = "weight") -> torch.Tensor:
        return getattr(module, name).detach().to(self._dtype)

    def _pair(self, *modules: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights and biases of linear layers over the same input, as one layer."""
        return (torch.cat([self._cast(m) for m in modules]), torch.cat([self._cast(m, "bias") for m in modules]))

    def _layer(self, layer: Any) -> _Layer:
        own = layer.attention.self
        qkv, mix, up, down = (Linear(*self._pair(*modules)) for modules in (
            (own.query, own.key, own.value), (layer.attention.output.dense,), (layer.intermediate.dense,),
            (layer.output.dense,)))
        return _Layer(qkv, mix, self._pair(layer.attention.output.LayerNorm), up, down, self._pair(layer.output.LayerNorm))

    def read_rows(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """States ``(B, T, H)`` of windows that are rows.

        Args:
            input_ids, types: ``(B, T)``.
            mask: ``(B, T)``, true where a token is read; None where all are.
        """
        readable = None if mask is None else mask[:, None, None]  # (B, 1, 1, T)
        return self._read(input_ids, types, self._positions[:input_ids.shape[1]], partial(self._attend_rows, readable))

    def read_packed(self, packed: Packed) -> torch.Tensor:
        """States ``(N, H)`` of windows that stand end to end."""
        return self._read(packed.input_ids, packed.types, self._positions[packed.positions], packed.attend)

    def _read(self, input_ids: torch.Tensor, types: torch.Tensor, positions: torch.Tensor, attend: Attention) -> torch.Tensor:
        x = functional.embedding(input_ids, self._words)
        x += functional.embedding(types, self._types)
        x += positions
        width = self._norm[0].shape[0]
        x = functional.layer_norm(x, (width,), *self._norm, self._eps)
        for layer in self._layers:
            mixed = attend(layer.qkv(x).unflatten(-1, (3, self._heads, width // self._heads)))
            x = functional.layer_norm(layer.mix.added(mixed, x), (width,), *layer.mixed, self._eps)
            wide = self._activation(layer.up(x))
            x = functional.layer_norm(layer.down.added(wide, x), (width,), *layer.out, self._eps)
        return x

    def _attend_rows(self, readable: torch.Tensor | None, qkv: torch.Tensor) -> torch.Tensor:
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind()  # each (B, heads, T, D)
        return self._attend(query, key, value, readable).transpose(1, 2).flatten(2)


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5  # (B, heads, T, T)
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e9)
    return scores.softmax(-1) @ value
