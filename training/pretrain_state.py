"""Where a pre-training stands, written so that a kill at any moment loses no more than the steps since the last save."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from data.errors import UsageError

KEPT = 2


@dataclass
class State:
    """``tokens`` and ``seconds`` of all sittings; ``epoch`` and ``place`` say which token is read next."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    epoch: int = 0
    place: int = 0


def save(folder: Path, state: State, model: nn.Module, optimisers: list[torch.optim.Optimizer], config: dict[str, Any]
         ) -> None:
    """Write ``folder/step-N`` whole, and drop all but the newest ``KEPT``."""
    target = folder / f"step-{state.step:08d}"
    staging = folder / f".{target.name}.tmp"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    # Tied weights are one tensor; safetensors stores each tensor once.
    save_file(dict(_named_tensors(model)), staging / "model.safetensors")
    moments = {f"{k}.{i}.{name}": value.contiguous() for k, optimiser in enumerate(optimisers)
               for i, entries in optimiser.state_dict()["state"].items() for name, value in entries.items()}
    save_file(moments, staging / "optimiser.safetensors")
    (staging / "state.json").write_text(json.dumps({"state": asdict(state), "config": config}), encoding="utf-8")
    if target.exists():
        shutil.rmtree(target)
    os.replace(staging, target)
    for old in sorted(folder.glob("step-*"))[:-KEPT]:
        shutil.rmtree(old)


def newest(folder: Path) -> Path | None:
    """The newest checkpoint; each is whole, since it got its name last."""
    found = sorted(folder.glob("step-*"))
    return found[-1] if found else None


def load(path: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer], config: dict[str, Any]) -> State:
    """Put a checkpoint's tensors into model and optimisers.

    Raises:
        UsageError: the checkpoint belongs to another config.
    """
    record = json.loads((path / "state.json").read_text(encoding="utf-8"))
    # The budget may grow: that is what going on for another sitting means. Files may have moved.
    free = ("max_tokens", "max_hours", "threads", "save_tokens", "evaluate_tokens", "text", "sources", "out")
    if changed := sorted(k for k in config if k not in free and config[k] != record["config"].get(k)):
        raise UsageError(f"the checkpoint was made with other settings: {', '.join(changed)}", place=str(path),
                         repair=f"take the settings back, or begin anew: rm -r {path.parent}")
    stored = load_file(path / "model.safetensors")
    with torch.no_grad():
        for name, tensor in _named_tensors(model):
            tensor.copy_(stored[name])
    moments = load_file(path / "optimiser.safetensors")
    for k, optimiser in enumerate(optimisers):
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in moments.items():
            number, index, entry = name.split(".", 2)
            if int(number) == k:
                entries.setdefault(int(index), {})[entry] = value
        optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    return State(**record["state"])


def _named_tensors(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [(name, p.detach()) for name, p in model.named_parameters() if p.requires_grad]
