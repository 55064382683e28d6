"""What changes an update beside loss and optimiser: averaged weights, adversarial embeddings.

Each is off by default (``regularise`` in training/config.py) and costs nothing then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainerCallback, TrainerState

from data.errors import ModelError

AVERAGE_FILE = "average.safetensors"


class WeightAverage(TrainerCallback):
    """An exponential moving average of all weights (Polyak and Juditsky 1992, https://doi.org/10.1137/0330046).

    After update t: ``average = d * average + (1 - d) * weight`` with ``d = min(decay, (1 + t) / (10 + t))``, so that
    the random heads of the start are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._weights = dict(model.named_parameters())
        self._average = {name: w.detach().clone() for name, w in self._weights.items()}

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """The trainer calls this after each update, before it scores or saves."""
        self.update(state.global_step)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights as they are after update ``step``, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self._average.values()), [w.detach() for w in self._weights.values()], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model has the averaged weights; after it, its own again."""
        own = {name: w.detach().clone() for name, w in self._weights.items()}
        self.keep()
        try:
            yield
        finally:
            _copy(own, self._weights)

    def keep(self) -> None:
        """Give the model the averaged weights for good."""
        _copy(self._average, self._weights)

    def save(self, folder: Path) -> None:
        """Write the averages beside the weights of a checkpoint."""
        save_file({name: w.contiguous() for name, w in self._average.items()}, folder / AVERAGE_FILE)

    def load(self, folder: Path) -> None:
        """Read back what :meth:`save` wrote.

        Raises:
            ModelError: the checkpoint has no averages, or those of another model.
        """
        path = folder / AVERAGE_FILE
        if not path.is_file():
            raise ModelError("the checkpoint was written without averaged weights", place=str(path),
                             repair="go on with --set regularise.weight_average=0.0, or begin anew without --resume")
        saved = load_file(path)
        if saved.keys() != self._average.keys():
            raise ModelError("the averaged weights are those of another model", place=str(path),
                             repair="begin anew without --resume")
        _copy(saved, self._average)


@torch.no_grad()
def _copy(source: dict[str, torch.Tensor], target: dict[str, Any]) -> None:
    for name, weight in target.items():
        weight.copy_(source[name])


@contextmanager
def perturbed(weight: nn.Parameter, epsilon: float) -> Iterator[None]:
    """Inside, ``weight`` is moved by ``epsilon * gradient / |gradient|``, the step of that length that hurts most to
    first order; after it, it is what it was (the fast gradient method, Miyato et al. 2017,
    https://arxiv.org/abs/1605.07725, on the embedding table rather than on normalised sequences).
    """
    before = weight.detach().clone()
    gradient = weight.grad
    length = float(gradient.norm()) if gradient is not None else 0.0
    # A batch whose gradient is zero, or no number, shows no direction.
    if gradient is not None and 0.0 < length < float("inf"):
        with torch.no_grad():
            weight.add_(gradient, alpha=epsilon / length)
    try:
        yield
    finally:
        with torch.no_grad():
            weight.copy_(before)
