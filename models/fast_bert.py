"""BERT for inference: the arithmetic of ``transformers``' BertModel without its generality.

Windows are sorted by length over the articles of a batch, so that little is padding; query, key and value are one
matrix product; additions are made in place; nothing is masked where no window of a piece is shorter than another.
``make bench-predict`` says what each of these brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.nn import functional

from data.tags import TokenSpan
from models.inputs import Batch
from models.pairs import PairBatch
from models.signing import SigningModel

# Tokens computed at once: few enough that a layer's widest tensor stays in the cache of a core.
PIECE_TOKENS = {"cpu": 2048, "cuda": 65536}
WASTE = 16  # tokens that the longest window of a piece may be longer than the shortest


class FastEngine:
    """Tags and pairs by a copy of a model's weights in ``dtype``; the heads stay in float32.

    Args:
        model: any BERT that :class:`SigningModel` holds; its device is kept.
        dtype: of the encoder, float32 or bfloat16.
        bucket: sort windows by length; off only to measure what it brings.
    """

    def __init__(self, model: SigningModel, *, dtype: torch.dtype, name: str = "torch", bucket: bool = True) -> None:
        self.name, self.bucket = name, bucket
        self._model, self._dtype = model, dtype
        self._heads = model.config.num_attention_heads
        self._activation = model.bert.encoder.layer[0].intermediate.intermediate_act_fn
        self._eps = model.config.layer_norm_eps
        embeddings = model.bert.embeddings
        self._words, self._types = self._cast(embeddings.word_embeddings), self._cast(embeddings.token_type_embeddings)
        self._positions = self._cast(embeddings.position_embeddings)
        self._norm = (self._cast(embeddings.LayerNorm), self._cast(embeddings.LayerNorm, "bias"))
        self._layers = [self._layer(layer) for layer in model.bert.encoder.layer]

    def _cast(self, module: nn.Module, name: str = "weight") -> torch.Tensor:
        return getattr(module, name).detach().to(self._dtype)

    def _pair(self, *modules: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights and biases of linear layers over the same input, as one layer."""
        return (torch.cat([self._cast(m) for m in modules]), torch.cat([self._cast(m, "bias") for m in modules]))

    def _layer(self, layer: nn.Module) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        own = layer.attention.self
        return {"qkv": self._pair(own.query, own.key, own.value), "mix": self._pair(layer.attention.output.dense),
                "mixed": self._pair(layer.attention.output.LayerNorm), "up": self._pair(layer.intermediate.dense),
                "down": self._pair(layer.output.dense), "out": self._pair(layer.output.LayerNorm)}

    def read(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Tag logits ``(N, tags)`` and states ``(N, H)``, both float32."""
        with torch.inference_mode():
            states = self._states(batch)
            return self._model.classifier(states), states

    def score_pairs(
        self, batch: Batch, states: torch.Tensor, spans: Sequence[Sequence[TokenSpan]], *, temperature: float = 1.0
    ) -> tuple[PairBatch, torch.Tensor]:
        """As :meth:`SigningModel.score_pairs`."""
        return self._model.score_pairs(batch, states, spans, temperature=temperature)

    def _states(self, batch: Batch) -> torch.Tensor:
        rows, width = batch.input_ids.shape
        device = self._words.device
        lengths = batch.attention_mask.sum(dim=1)
        states = torch.empty((rows, width, self._words.shape[1]), dtype=self._dtype, device=device)
        for piece in self._pieces(lengths):
            own = lengths[piece]
            longest = int(own.max())
            mask = None
            if int(own.min()) < longest:
                mask = (torch.arange(longest) < own[:, None])[:, None, None].to(device)  # (B, 1, 1, T)
            states[piece, :longest] = self._encode(batch.input_ids[piece, :longest].to(device),
                                                   batch.token_types[piece, :longest].to(device), mask)
        return states.flatten(0, 1)[batch.token_index.to(device)].float()

    def _pieces(self, lengths: torch.Tensor) -> Iterator[torch.Tensor]:
        """Indices of windows to compute together: about equally long, within ``PIECE_TOKENS``."""
        order = torch.argsort(lengths, stable=True) if self.bucket else torch.arange(len(lengths))
        limit = PIECE_TOKENS.get(self._words.device.type, 4096)
        ordered = lengths[order].tolist()
        start = 0
        for end in range(1, len(ordered) + 1):
            longest = max(ordered[start:end + 1])
            if end == len(ordered) or (end + 1 - start) * longest > limit or (
                    self.bucket and ordered[end] - ordered[start] > WASTE):
                yield order[start:end]
                start = end

    def _encode(self, input_ids: torch.Tensor, types: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """States ``(B, T, H)`` of windows (Devlin et al. 2019, https://arxiv.org/abs/1810.04805).

        Args:
            input_ids, types: ``(B, T)``.
            mask: ``(B, 1, 1, T)``, true where a token is read; None where all are.
        """
        count, length = input_ids.shape
        x = functional.embedding(input_ids, self._words)
        x += functional.embedding(types, self._types)
        x += self._positions[:length]
        width = x.shape[-1]
        x = functional.layer_norm(x, (width,), *self._norm, self._eps)
        for layer in self._layers:
            qkv = functional.linear(x, *layer["qkv"]).view(count, length, 3, self._heads, width // self._heads)
            query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D)
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            mixed = functional.linear(mixed.transpose(1, 2).reshape(count, length, width), *layer["mix"])
            x = functional.layer_norm(x.add_(mixed), (width,), *layer["mixed"], self._eps)
            wide = self._activation(functional.linear(x, *layer["up"]))
            x = functional.layer_norm(x.add_(functional.linear(wide, *layer["down"])), (width,), *layer["out"], self._eps)
        return x
