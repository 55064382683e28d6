"""A larger BERT as teacher of the embedded one: its guesses at hidden tokens, and its last hidden states.

Hinton et al. 2015 (https://arxiv.org/abs/1503.02531) for the guesses; hidden states in the spirit of TinyBERT (Jiao et
al. 2020, https://aclanthology.org/2020.findings-emnlp.372).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedTokenizerBase

from data.errors import ModelError
from training.pretrain_config import Distillation


class Teacher(nn.Module):
    """A frozen masked language model that reads our token ids.

    Its vocabulary must be of single Chinese characters as ours is, so that token i here is token i there. Tokens that it
    lacks are read as its [UNK], and its guesses are compared over the tokens that both have.
    """

    def __init__(self, options: Distillation, tokenizer: PreTrainedTokenizerBase, *, student_width: int) -> None:
        super().__init__()
        try:
            model = AutoModelForMaskedLM.from_pretrained(options.teacher, use_safetensors=True)
            theirs = AutoTokenizer.from_pretrained(options.teacher)
        except (OSError, ValueError) as fault:
            raise ModelError(f"no teacher can be had under this name: {str(fault).splitlines()[0]}", place=options.teacher,
                             repair="distil.teacher: hfl/chinese-macbert-base, or a folder with safetensors") from fault
        self.options = options
        self.model = model.eval().requires_grad_(False)
        vocabulary = theirs.get_vocab()
        ours = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        self.register_buffer("their_id", torch.tensor([vocabulary.get(t, theirs.unk_token_id) for t, _ in ours]))
        shared = [i for t, i in ours if t in vocabulary]
        self.register_buffer("shared", torch.tensor(shared))
        if len(shared) < 0.5 * len(ours):
            raise ModelError(f"only {len(shared)} of our {len(ours)} tokens are in its vocabulary",
                             place=options.teacher, repair="take a Chinese BERT with one token a character")
        self.project = nn.Linear(student_width, model.config.hidden_size)

    def train(self, mode: bool = True) -> Teacher:
        """The teacher's own layers never leave evaluation mode."""
        super().train(mode)
        self.model.eval()
        return self

    def forward(self, input_ids: torch.Tensor, positions: torch.Tensor, logits: torch.Tensor, states: torch.Tensor
                ) -> torch.Tensor:
        """The weighted loss of a batch.

        Args:
            input_ids: ``(B, T)`` with tokens hidden, in our ids.
            positions: ``(M,)`` flat places of the tokens to guess.
            logits: ``(M, V)`` the student's scores there.
            states: ``(B, T, H)`` the student's last hidden states.
        """
        their_id, shared = self.get_buffer("their_id"), self.get_buffer("shared")
        with torch.no_grad():
            output = self.model(input_ids=their_id[input_ids], output_hidden_states=True)
            guesses = output.logits.flatten(0, 1)[positions][:, their_id[shared]].float()  # (M, S)
            their_states = output.hidden_states[-1].float()  # (B, T, H')
        warmth = self.options.temperature
        divergence = functional.kl_div(
            (logits[:, shared].float() / warmth).log_softmax(-1), (guesses / warmth).softmax(-1), reduction="batchmean")
        apart = 1 - functional.cosine_similarity(self.project(states).float(), their_states, dim=-1).mean()
        return self.options.logits_weight * warmth**2 * divergence + self.options.hidden_weight * apart
