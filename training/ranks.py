"""Data-parallel processes of one pre-training, as ``torchrun`` starts them: each reads its own rows of every batch.

    torchrun --nproc-per-node 2 -m training.pretrain --config configs/pretrain.yaml --text FOLDER --set threads=1

On a CPU two processes of one thread do more than one of two threads, whose small matrices are soon shared out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import distributed, nn


class Ranks:
    """The processes of this training; one alone where nobody started several."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.own = int(os.environ.get("RANK", "0"))
        if torch.cuda.is_available():
            torch.cuda.set_device(self.device)  # nccl speaks through the current one
        if self.count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")

    @property
    def device(self) -> torch.device:
        """The GPU of this process where there are some, else the CPU."""
        local = int(os.environ.get("LOCAL_RANK", "0"))
        return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")

    @property
    def is_first(self) -> bool:
        """True in the process that logs, scores and saves."""
        return self.own == 0

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def first_says(self, value: float) -> float:
        """The value that the first process has."""
        if self.count == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64, device=self.device if torch.cuda.is_available() else None)
        distributed.broadcast(said, src=0)
        return float(said)

    def mean_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the mean of all gradients, in one message."""
        if self.count == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def end(self) -> None:
        """Take leave of the others."""
        if self.count > 1:
            distributed.destroy_process_group()
