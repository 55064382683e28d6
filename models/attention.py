"""Attention for training in bf16 on a CPU: matrix products and softmax as they are, in the precision of the states.

PyTorch's fused CPU attention spends two thirds of a training step's attention in its backward pass; for windows of a
few hundred tokens the plain products are more than twice as fast (`python -m pytest` compares the values).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

PLAIN = "qianyue_plain"


def plain_attention(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attention_mask: torch.Tensor | None, scaling: float | None = None, dropout: float = 0.0, **_: Any,
) -> tuple[torch.Tensor, None]:
    """Scaled dot-product attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    Shapes: B windows, A heads, T tokens, D width of a head.

    Args:
        query, key, value: ``(B, A, T, D)``.
        attention_mask: ``(B, 1, T or 1, T)``, added to the scores; None where every token is real.
        scaling: of the scores; None is ``D ** -0.5``.
        dropout: probability, while training, of dropping an attention weight.

    Returns:
        ``(B, T, A, D)``, and no weights.
    """
    # Autocast would run the softmax in float32 and copy the scores there and back.
    with torch.autocast(query.device.type, enabled=False):
        query = query * (scaling if scaling is not None else query.shape[-1] ** -0.5)
        scores = query @ key.transpose(2, 3)  # (B, A, T, T)
        if attention_mask is not None:
            scores = scores.add_(attention_mask.to(scores.dtype))
        weights = scores.softmax(-1)
        if dropout and module.training:
            weights = nn.functional.dropout(weights, dropout)
        return (weights @ value).transpose(1, 2).contiguous(), None


AttentionInterface.register(PLAIN, plain_attention)
AttentionMaskInterface.register(PLAIN, eager_mask)
