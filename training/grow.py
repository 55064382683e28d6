"""An encoder of another shape that begins with the weights of one that can read already.

Layers are stacked (Gong et al. 2019, https://proceedings.mlr.press/v97/gong19a.html): a new one begins as a copy of the
layer whose place it takes. Heads are joined: those of a layer that look alike become one, whose scores begin as the mean
of theirs. Neither keeps what the encoder computes, but training from there is far shorter than from the start.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import torch
from transformers import BertForMaskedLM

from data.errors import UsageError
from training.pretrain_config import EncoderShape


def grown(source: BertForMaskedLM, shape: EncoderShape) -> BertForMaskedLM:
    """A model of ``shape`` that begins where ``source`` stands.

    Raises:
        UsageError: the widths differ, layers would be lost, or the heads cannot be joined evenly.
    """
    config = source.config
    if shape.width != config.hidden_size or config.num_attention_heads % shape.heads or shape.layers < config.num_hidden_layers:
        raise UsageError(
            f"expected width {config.hidden_size}, at least {config.num_hidden_layers} layers, and heads that divide "
            f"{config.num_attention_heads}; found {shape.width}, {shape.layers}, {shape.heads}", place="grow",
            repair="init: null and encoder: that shape, to begin with a new one")
    target = BertForMaskedLM(type(config).from_dict(
        {**config.to_dict(), "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads}))
    tensors = source.state_dict()
    stacked = {f"bert.encoder.layer.{new}.{name.split('.', 4)[4]}": tensor
               for new in range(shape.layers)
               for name, tensor in tensors.items()
               if name.startswith(f"bert.encoder.layer.{new * config.num_hidden_layers // shape.layers}.")}
    target.load_state_dict({n: t for n, t in tensors.items() if ".encoder.layer." not in n} | stacked)
    with torch.no_grad():
        for layer in target.bert.encoder.layer:
            _join_heads(layer.attention, config.num_attention_heads, shape.heads)
    return target


def _join_heads(attention: Any, before: int, after: int) -> None:
    """Reorder the heads of a layer (in place) so that those that look alike stand side by side, and scale their queries."""
    own, out = attention.self, attention.output.dense
    joined = before // after
    order = _side_by_side(own.query.weight, own.key.weight, before, joined)
    rows = torch.arange(len(own.query.weight)).view(before, -1)[order].flatten()
    for linear in (own.query, own.key, own.value):
        linear.weight.copy_(linear.weight[rows])
        linear.bias.copy_(linear.bias[rows])
    out.weight.copy_(out.weight[:, rows])
    # Scores are divided by the root of a head's size, which grows; the mean of ``n`` heads is their sum over ``n``.
    for tensor in (own.query.weight, own.query.bias):
        tensor.mul_(joined**-0.5)


def _side_by_side(query: torch.Tensor, key: torch.Tensor, heads: int, size: int) -> list[int]:
    """Heads in groups of ``size`` whose score matrices point the same way, found greedily."""
    q, k = query.unflatten(0, (heads, -1)), key.unflatten(0, (heads, -1))
    scores = torch.nn.functional.normalize(torch.einsum("hdi,hdj->hij", q, k).flatten(1), dim=1)
    alike = scores @ scores.T
    left, order = set(range(heads)), list[int]()
    while left:
        group = max(combinations(sorted(left), size), key=lambda g: sum(float(alike[a, b]) for a, b in combinations(g, 2)))
        order += group
        left -= set(group)
    return order
