"""The masked language model that becomes the embedded encoder: built or loaded, its loss, its optimisers, its export."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoTokenizer, BertForMaskedLM, PreTrainedTokenizerBase

from data.files import write_text
from data.text_corpus import frequent_characters, text_files
from models.checkpoint import check_checkpoint
from models.embedded import embedded_config, initialise_locally
from models.vocabulary import build_tokenizer, seed_texts
from training.grow import grown
from training.pretrain_config import PretrainConfig, Schedule

PLAIN_PARAMETERS = ("bias", "LayerNorm.weight")


def tokenizer_of(config: PretrainConfig) -> PreTrainedTokenizerBase:
    """The tokenizer of the encoder to go on from; else the embedded vocabulary, or one of what the text has often enough.

    Raises:
        DataError: the text must be counted, and is missing or broken.
    """
    if config.init:
        return AutoTokenizer.from_pretrained(config.init)
    common = frequent_characters(text_files(config.text), config.min_count) if config.min_count else None
    return build_tokenizer(seed_texts(), common=common)


def build_model(config: PretrainConfig, vocab_size: int) -> BertForMaskedLM:
    """A masked language model: from ``config.init``, or a new one of the configured shape.

    Raises:
        ModelError: ``config.init`` is no folder that can be loaded safely.
    """
    torch.manual_seed(config.seed)
    if config.init:
        check_checkpoint(Path(config.init))
        model = BertForMaskedLM.from_pretrained(config.init, use_safetensors=True, dtype=torch.float32)
        return grown(model, config.grow) if config.grow else model
    shape = config.encoder
    model = BertForMaskedLM(embedded_config(vocab_size=vocab_size, layers=shape.layers, width=shape.width,
                                            heads=shape.heads))
    initialise_locally(model.bert, seed=config.seed)
    with torch.no_grad():
        # The embeddings have spread 1, so scores against them begin with a spread of 1 as well, not of sqrt(width).
        model.cls.predictions.transform.LayerNorm.weight.fill_(shape.width**-0.5)
    return model


def set_embeddings(model: BertForMaskedLM, vectors: torch.Tensor) -> None:
    """Put ``vectors (V, width - position width)`` beside the dimensions that the positions keep to themselves."""
    table = model.bert.embeddings.word_embeddings.weight
    free = table.shape[1] - vectors.shape[1]
    with torch.no_grad():
        known = vectors.abs().sum(1) > 0
        table[known, free:] = vectors[known].to(table.dtype)


def masked_logits(model: BertForMaskedLM, input_ids: torch.Tensor, positions: torch.Tensor,
                  encode: Callable[..., Any] | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores ``(M, V)`` of the hidden tokens alone, and the encoder's states ``(B, T, H)``.

    ``encode`` stands in for ``model.bert``: compiled, since its shapes are few, while M is another for every batch.
    """
    states = (model.bert if encode is None else encode)(input_ids=input_ids).last_hidden_state
    return model.cls(states.flatten(0, 1)[positions]), states


def masked_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in float32, whatever the states are in."""
    return functional.cross_entropy(logits.float(), targets)


def make_optimisers(model: nn.Module, options: Schedule) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon (https://kellerjordan.github.io/posts/muon/) for the matrices inside the layers and AdamW
    for the rest; each group remembers its full rate as ``full_lr``."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    inner = [p for n, p in named if options.optimiser == "muon" and ".layer." in n and p.ndim == 2]
    chosen = {id(p) for p in inner}
    groups: list[dict[str, Any]] = [
        {"params": [p for n, p in named if id(p) not in chosen and n.endswith(PLAIN_PARAMETERS) == plain],
         "weight_decay": 0.0 if plain else options.weight_decay, "full_lr": options.learning_rate}
        for plain in (False, True)]
    optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98), fused=True)]
    if inner:
        optimisers.append(torch.optim.Muon([{"params": inner, "full_lr": options.muon_learning_rate}],
                                           lr=options.muon_learning_rate, weight_decay=options.weight_decay))
    return optimisers


def learning_rate_share(progress: float, options: Schedule) -> float:
    """Share of the full rate at ``progress`` (0..1) of the budget: linear warm-up, flat, linear decay to zero."""
    if progress < options.warmup_share:
        return progress / options.warmup_share
    return min(1.0, max(0.0, (1 - progress) / options.decay_share))


def export(model: BertForMaskedLM, tokenizer: PreTrainedTokenizerBase, folder: Path, card: str) -> None:
    """Write the encoder in fp16 with vocabulary, config and model card; a folder that was there is replaced whole."""
    staging = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(staging, ignore_errors=True)
    half = BertForMaskedLM(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(staging)
    tokenizer.save_pretrained(staging)
    write_text(staging / "README.md", card)
    for path in staging.iterdir():
        path.chmod(0o644)
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
