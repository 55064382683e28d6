"""A linear-chain CRF over the tag scores of each sentence (Lafferty et al. 2001; Lample et al. 2016,
https://arxiv.org/abs/1603.01360), for training; decoding is that of every tagger (models/decoding.py).

Only legal sequences have probability, so that training knows what the decoder can give (Papay et al. 2022,
https://arxiv.org/abs/2106.07306). A sentence starts as if an O stood before it: one matrix holds all there is to learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from data.schema import Schema
from data.tags import OUTSIDE, legal_transitions

ILLEGAL = -1e4  # score of a transition that BIO forbids; finite, so that no gradient becomes NaN


class LinearChainCrf(nn.Module):
    """Scores of tag after tag. Shapes: N tokens, C tags, S sentences of at most L tokens."""

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self._legal = legal_transitions(schema)
        self.transitions = nn.Parameter(torch.zeros(len(schema.tags), len(schema.tags)))

    def reset_parameters(self) -> None:
        """Every legal transition is as good as another: the tagger without a CRF."""
        nn.init.zeros_(self.transitions)

    def scores(self) -> torch.Tensor:
        """``(C, C)``: of tag j after tag i; row O is also that of a sentence's first tag."""
        legal = torch.from_numpy(self._legal).to(self.transitions.device)
        return self.transitions.masked_fill(~legal, ILLEGAL)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor, sentence_lengths: Sequence[int]) -> torch.Tensor:
        """Negative log-likelihood of the gold sequences, per token. A sentence whose gold is no legal sequence (a span
        that began in the sentence before) is left out.

        Args:
            logits: ``(N, C)`` tag scores.
            targets: ``(N,)`` gold tags.
            sentence_lengths: tokens of each sentence, in order; they sum to N.
        """
        if len(targets) == 0:
            return logits.sum() * 0.0 + self.transitions.sum() * 0.0
        lengths = torch.tensor(sentence_lengths, device=logits.device)
        sentence = torch.repeat_interleave(torch.arange(len(lengths), device=logits.device), lengths)  # (N,)
        before = torch.cat([targets.new_full((1,), OUTSIDE), targets[:-1]])
        before[(lengths.cumsum(0) - lengths)[lengths > 0]] = OUTSIDE
        steps = self.scores()[before, targets]  # (N,)
        path = logits.gather(1, targets[:, None])[:, 0] + steps
        gold = logits.new_zeros(len(lengths)).index_add(0, sentence, path)  # (S,)
        illegal = logits.new_zeros(len(lengths)).index_add(0, sentence, (steps.detach() <= ILLEGAL).to(logits.dtype))
        losses = self.log_partition(logits, sentence_lengths) - gold
        return losses.masked_fill(illegal > 0, 0.0).sum() / len(targets)

    def log_partition(self, logits: torch.Tensor, sentence_lengths: Sequence[int]) -> torch.Tensor:
        """``(S,)``: log of the summed exponential scores of all legal sequences of each sentence; 0 for an empty one.

        The forward algorithm in log space, all sentences at once.
        """
        padded = pad_sequence(list(logits.split(list(sentence_lengths))), batch_first=True)  # (S, L, C)
        lengths = torch.tensor(sentence_lengths, device=logits.device)
        scores = self.scores()
        reached = padded[:, 0] + scores[OUTSIDE]  # (S, C)
        for t in range(1, padded.shape[1]):
            further = torch.logsumexp(reached[:, :, None] + scores, dim=1) + padded[:, t]
            reached = torch.where((t < lengths)[:, None], further, reached)
        return torch.logsumexp(reached, dim=1).masked_fill(lengths == 0, 0.0)
