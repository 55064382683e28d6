"""BERT for inference: the arithmetic of ``transformers``' BertModel without its generality.

Windows are sorted by length over the articles of a batch, so that little is padding; query, key and value are one
matrix product; additions are made in place; nothing is masked where no window of a piece is shorter than another.
``make bench-predict`` says what each of these brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import BertModel

from data.tags import TokenSpan
from models.inputs import Batch
from models.pairs import PairBatch
from models.signing import SigningModel

# Tokens computed at once: few enough that a layer's widest tensor stays in the cache of a core.
PIECE_TOKENS = {"cpu": 2048, "cuda": 65536}
WASTE = 16  # tokens that the longest window of a piece may be longer than the shortest


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
        limit = PIECE_TOKENS.get(self._model.device.type, 4096)
        ordered = lengths[order].tolist()
        start = 0
        for end in range(1, len(ordered) + 1):
            longest = max(ordered[start:end + 1])
            if end == len(ordered) or (end + 1 - start) * longest > limit or (
                    self.bucket and ordered[end] - ordered[start] > WASTE):
                yield order[start:end]
                start = end


class FastEngine(WindowEngine):
    """A copy of a model's encoder in ``dtype`` (float32 or bfloat16); the heads stay in float32."""

    def __init__(self, model: SigningModel, *, dtype: torch.dtype, name: str = "torch", bucket: bool = True) -> None:
        super().__init__(model, name=name, dtype=dtype, width=model.config.hidden_size, bucket=bucket)
        self._encoder = LeanEncoder(model.bert, dtype)

    def _encode(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return self._encoder(input_ids, types, mask)

    def read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Tag logits ``(N, tags)`` and states ``(N, H)``, both float32."""
        with torch.inference_mode():
            states = self._merged(batch)
            return self._model.classifier(states), states


class LeanEncoder:
    """The matrices of a BERT in one precision, and the pass through them.

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

    def _layer(self, layer: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        own = layer.attention.self
        return {"qkv": self._pair(own.query, own.key, own.value), "mix": self._pair(layer.attention.output.dense),
                "mixed": self._pair(layer.attention.output.LayerNorm), "up": self._pair(layer.intermediate.dense),
                "down": self._pair(layer.output.dense), "out": self._pair(layer.output.LayerNorm)}

    def __call__(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """States ``(B, T, H)`` of windows (Devlin et al. 2019, https://arxiv.org/abs/1810.04805).

        Args:
            input_ids, types: ``(B, T)``.
            mask: ``(B, T)``, true where a token is read; None where all are.
        """
        count, length = input_ids.shape
        x = functional.embedding(input_ids, self._words)
        x += functional.embedding(types, self._types)
        x += self._positions[:length]
        width = self._norm[0].shape[0]
        x = functional.layer_norm(x, (width,), *self._norm, self._eps)
        readable = None if mask is None else mask[:, None, None]  # (B, 1, 1, T)
        for layer in self._layers:
            qkv = functional.linear(x, *layer["qkv"]).view(count, length, 3, self._heads, width // self._heads)
            query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind()  # each (B, heads, T, D)
            mixed = self._attend(query, key, value, readable)
            mixed = functional.linear(mixed.transpose(1, 2).reshape(count, length, width), *layer["mix"])
            x = functional.layer_norm(x.add_(mixed), (width,), *layer["mixed"], self._eps)
            wide = self._activation(functional.linear(x, *layer["up"]))
            x = functional.layer_norm(x.add_(functional.linear(wide, *layer["down"])), (width,), *layer["out"], self._eps)
        return x


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5  # (B, heads, T, T)
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e9)
    return scores.softmax(-1) @ value
