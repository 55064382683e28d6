"""What the processes of one training, as ``torchrun`` starts them, share: the cores, and in pre-training the gradients.

Who they are, and who goes first, is ``accelerate.PartialState``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from accelerate import PartialState
from torch import distributed, nn


def threads_of_process(configured: int | None) -> int:
    """Threads of this process: as configured, or its share of the cores."""
    return configured or max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


def mean_gradients(ranks: PartialState, parameters: Iterable[nn.Parameter]) -> None:
    """Give every process the mean of all gradients, in one message."""
    if ranks.num_processes == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= ranks.num_processes
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
