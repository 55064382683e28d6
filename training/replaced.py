"""Tokens replaced by the guesses of a second encoder, which the one in training must find.

Clark et al. 2020 (ELECTRA, https://arxiv.org/abs/2003.10555): every token that can be read is judged, so that a batch
teaches more than its hidden tokens do. The masked-language loss stays beside it, on the replaced tokens too, in the
spirit of Meng et al. 2021 (COCO-LM, https://arxiv.org/abs/2102.08473): what comes out is still a masked language model.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional
from transformers import BertForMaskedLM

from data.errors import UsageError
from models.checkpoint import check_checkpoint
from training.pretrain_config import Replacement


class Replaced(NamedTuple):
    """What the encoder reads, ``input_ids (B, T)``, and where a token is another than it was, ``strange (B, T)``."""

    input_ids: torch.Tensor
    strange: torch.Tensor


class Replacer(nn.Module):
    """A frozen generator, and the head that judges tokens in training; neither is part of the encoder that is shipped.

    Args:
        width, vocab_size: of the encoder in training; the generator must have the same vocabulary.

    Raises:
        ModelError: the generator's folder cannot be loaded safely.
        UsageError: it has another vocabulary.
    """

    def __init__(self, options: Replacement, *, width: int, vocab_size: int, mask_id: int, attention: str | None = None) -> None:
        super().__init__()
        check_checkpoint(Path(options.generator))
        generator = BertForMaskedLM.from_pretrained(options.generator, use_safetensors=True, dtype=torch.float32)
        if generator.config.vocab_size != vocab_size:
            raise UsageError(f"expected a generator of {vocab_size} tokens, found one of {generator.config.vocab_size}",
                             place=options.generator, repair="replaced.generator: a folder that training.pretrain wrote")
        if attention:
            generator.set_attn_implementation(attention)
        self.generator = generator.eval().requires_grad_(False)
        self.options, self.mask_id = options, mask_id
        self.judge = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def train(self, mode: bool = True) -> Replacer:
        """The generator never leaves evaluation mode."""
        super().train(mode)
        self.generator.eval()
        return self

    @torch.no_grad()
    def replace(self, input_ids: torch.Tensor, positions: torch.Tensor, targets: torch.Tensor, *, seed: int) -> Replaced:
        """Put guesses in place of some of the tokens that were to be hidden, and hide the others.

        Args:
            input_ids: ``(B, T)``.
            positions, targets: ``(M,)`` flat places of the tokens to guess, and what they are.
            seed: draws the guesses; same seed, same guesses.
        """
        hidden = input_ids.flatten().index_fill(0, positions, self.mask_id)
        states = self.generator.bert(input_ids=hidden.view_as(input_ids)).last_hidden_state
        scores = self.generator.cls(states.flatten(0, 1)[positions]).float()  # (M, V)
        dice = torch.Generator(device=scores.device).manual_seed(seed)
        # The largest of scores with Gumbel noise is a draw from their softmax.
        noise = torch.empty_like(scores).exponential_(generator=dice).log_()
        guesses = (scores - noise).argmax(-1)
        shown = torch.rand(len(positions), generator=dice, device=scores.device) < self.options.share
        mixed = hidden.index_copy(0, positions, torch.where(shown, guesses, self.mask_id))
        strange = torch.zeros_like(hidden, dtype=torch.bool).index_copy_(0, positions, shown & (guesses != targets))
        return Replaced(mixed.view_as(input_ids), strange.view_as(input_ids))

    def forward(self, replaced: Replaced, states: torch.Tensor) -> torch.Tensor:
        """The weighted loss of the judgements ``states (B, T, H)`` allow of every token that is not hidden."""
        seen = replaced.input_ids != self.mask_id
        logits = self.judge(states[seen]).float().squeeze(-1)
        return self.options.weight * functional.binary_cross_entropy_with_logits(logits, replaced.strange[seen].float())
