"""How much of a device a training uses: its floating point operations against the device's own matrix peak."""

from __future__ import annotations

import time

import torch
from transformers import BertForMaskedLM

SIZE = {"cpu": 2048, "cuda": 8192}


def matrix_peak(device: torch.device, *, bf16: bool, repeats: int = 5) -> float:
    """Operations per second of a large square matrix product, the best of ``repeats``."""
    size = SIZE.get(device.type, 2048)
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16 if bf16 else torch.float32) for _ in range(2))
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        product = left @ right
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
        del product
    return 2 * size**3 / best


def training_flops(model: BertForMaskedLM, *, length: int, masked_share: float) -> float:
    """Operations per token of one forward and backward pass: matrices, attention, and the scores of masked tokens.

    Counted as in Kaplan et al. 2020 (https://arxiv.org/abs/2001.08361): two a weight forward, four backward.
    """
    config = model.config
    inner = sum(p.numel() for n, p in model.named_parameters() if ".layer." in n and p.ndim == 2)
    attention = 2 * config.num_hidden_layers * length * config.hidden_size
    head = masked_share * (config.hidden_size**2 + config.hidden_size * config.vocab_size)
    return 6 * (inner + attention + head)
