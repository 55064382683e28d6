"""How much of a device a computation uses: its floating point operations against the device's own matrix peak."""

from __future__ import annotations

import time

import torch
from transformers import BertConfig

from models.fast_bert import Linear

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


def products_peak(config: BertConfig, device: torch.device, *, bf16: bool, tokens: int, repeats: int = 20) -> float:
    """Operations per second of the four products of an encoder layer on their own, at this encoder's widths: what is left
    of the matrix peak before attention, norms and activations take any time. The best of ``repeats``."""
    width, wide, dtype = config.hidden_size, config.intermediate_size, torch.bfloat16 if bf16 else torch.float32
    shapes = ((width, 3 * width), (width, width), (width, wide), (wide, width))
    layers = [Linear(torch.randn(out, width_in, device=device, dtype=dtype), torch.zeros(out, device=device, dtype=dtype))
              for width_in, out in shapes]
    inputs = [torch.randn(tokens, width_in, device=device, dtype=dtype) for width_in, _ in shapes]
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        for layer, x in zip(layers, inputs, strict=True):
            layer(x)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * tokens * sum(width_in * out for width_in, out in shapes) / best


def reading_flops(config: BertConfig, *, length: int) -> float:
    """Operations of the encoder on one window of ``length`` tokens: two a weight and token, and attention's two products.

    Counted as in Kaplan et al. 2020 (https://arxiv.org/abs/2001.08361); padding, norms and softmax count nothing.
    """
    width = config.hidden_size
    weights = 4 * width**2 + 2 * width * config.intermediate_size
    return config.num_hidden_layers * length * (2 * weights + 4 * length * width)
