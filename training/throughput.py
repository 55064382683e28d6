"""How much of a device a training uses: its floating point operations against the device's own matrix peak."""

from __future__ import annotations

from transformers import BertForMaskedLM

from models.throughput import matrix_peak

__all__ = ["matrix_peak", "training_flops"]


def training_flops(model: BertForMaskedLM, *, length: int, masked_share: float) -> float:
    """Operations per token of one forward and backward pass: matrices, attention, and the scores of masked tokens.

    Counted as in Kaplan et al. 2020 (https://arxiv.org/abs/2001.08361): two a weight forward, four backward.
    """
    config = model.config
    inner = sum(p.numel() for n, p in model.named_parameters() if ".layer." in n and p.ndim == 2)
    attention = 2 * config.num_hidden_layers * length * config.hidden_size
    head = masked_share * (config.hidden_size**2 + config.hidden_size * config.vocab_size)
    return 6 * (inner + attention + head)
