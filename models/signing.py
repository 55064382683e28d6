"""The joint model: a BERT tagger that any ``transformers`` user can load, with a relation head beside it.

``BertForTokenClassification.from_pretrained(run)`` and the stock pipeline see an ordinary tagger;
:class:`SigningModel` reads the same folder with its relation head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertForTokenClassification

from data.tags import TokenSpan
from models.crf import LinearChainCrf
from models.inputs import Batch, sentence_lengths, tag_targets
from models.pairs import PairBatch, build_pairs, pair_targets
from models.reading_heads import SETTINGS, ReadingHeads

PIECE_TOKENS = 8192  # padded tokens that the encoder sees at once in inference


@dataclass
class JointOutput:
    """What training and evaluation read off one batch; ``loss`` is None without gold."""

    tag_logits: torch.Tensor  # (N, tags)
    states: torch.Tensor  # (N, H)
    loss: torch.Tensor | None = None
    tag_loss: torch.Tensor | None = None
    relation_loss: torch.Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """How the joint loss is made.

    Args:
        predicted_share: share of articles whose wrongly predicted spans join the candidates of the relation head, so
            that it learns to reject them.
        relation_weight: of the relation loss in the joint loss.
        dropout_samples: dropout masks in front of the tagger whose losses are averaged (Inoue 2019,
            https://arxiv.org/abs/1905.09788).
    """

    predicted_share: float = 0.0
    relation_weight: float = 1.0
    dropout_samples: int = 1


class SigningModel(ReadingHeads, BertForTokenClassification):
    """BERT, a BIO tag classifier, and a relation head over the merged article.

    A CRF may judge whole tag sequences; the classifier gives its scores, and serves those who load the stock tagger.

    Shapes: W windows of T tokens, N article tokens, H width, P candidate pairs, R relation types.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        settings = getattr(config, SETTINGS)
        self.make_heads(settings, hidden_size=config.hidden_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Heads are small and shallow: PyTorch's own layer initialisation suits them better than BERT's 0.02."""
        if isinstance(module, LinearChainCrf | nn.Linear | nn.Embedding | nn.LayerNorm):
            module.reset_parameters()
        else:
            super()._init_weights(module)

    def widen_token_types(self, count: int) -> None:
        """Give the encoder ``count`` token types. New ones begin near type 0, which a checkpoint was trained with, and
        apart from one another by half the spread of its word embeddings."""
        old = self.bert.embeddings.token_type_embeddings
        if old.num_embeddings >= count:
            return
        new = nn.Embedding(count, old.embedding_dim)
        with torch.no_grad():
            new.weight.normal_(0.0, 0.5 * float(self.bert.embeddings.word_embeddings.weight.std()))
            new.weight += old.weight[:1]
            new.weight[0] = old.weight[0]
        self.bert.embeddings.token_type_embeddings = new
        self.config.type_vocab_size = count

    def merged_states(self, batch: Batch) -> torch.Tensor:
        """Encoder states ``(N, H)``: each article token from the window that sees most around it."""
        rows, width = batch.input_ids.shape
        # Training needs all windows in one graph; inference takes a long article piece by piece.
        step = rows if torch.is_grad_enabled() else max(1, PIECE_TOKENS // width)
        merged = []
        for first in range(0, rows, step):
            piece = slice(first, first + step)
            states = self.bert(
                input_ids=batch.input_ids[piece].to(self.device),
                attention_mask=batch.attention_mask[piece].to(self.device),
                token_type_ids=batch.token_types[piece].to(self.device),
            ).last_hidden_state  # (W, T, H)
            # Token indices ascend, so the tokens that a piece answers for lie side by side.
            borders = torch.tensor([first * width, (first + step) * width])
            start, end = torch.searchsorted(batch.token_index, borders).tolist()
            # The heads are small and see another number of tokens and pairs each time: they stay in float32.
            merged.append(states.flatten(0, 1)[(batch.token_index[start:end] - first * width).to(self.device)].float())
        return torch.cat(merged)

    def joint(self, batch: Batch, *, with_loss: bool = False, **options: Any) -> JointOutput:
        """Tag scores of a batch and, with gold, the joint loss.

        Args:
            batch: from :meth:`models.inputs.TextEncoder.batch`.
            with_loss: the articles carry gold spans and pairs.
            options: fields of :class:`LossOptions`.
        """
        states = self.merged_states(batch)
        with torch.autocast(self.device.type, enabled=False):
            return self._heads(batch, states, LossOptions(**options) if with_loss else None)

    def _heads(self, batch: Batch, states: torch.Tensor, options: LossOptions | None) -> JointOutput:
        if options is None:
            return JointOutput(tag_logits=self.classifier(self.dropout(states)), states=states)
        logits, tag_loss = self._tag_loss(batch, states, options)
        relation_loss = logits.sum() * 0.0
        if self.relation_head is not None:
            spans = self._training_spans(batch, logits, options.predicted_share)
            pairs = build_pairs(batch.articles, spans, self.schema)
            relation_loss = self._relation_loss(states, pairs, pair_targets(batch.articles, spans, pairs, self.schema))
        return JointOutput(tag_logits=logits, states=states, loss=tag_loss + options.relation_weight * relation_loss,
                           tag_loss=tag_loss.detach(), relation_loss=relation_loss.detach())

    def _tag_loss(self, batch: Batch, states: torch.Tensor, options: LossOptions) -> tuple[torch.Tensor, torch.Tensor]:
        """The tagger's logits and their loss, both averaged over the dropout masks."""
        count = options.dropout_samples if self.training else 1
        targets = tag_targets(batch.articles).to(states.device).repeat(count)  # (K * N,)
        samples = torch.stack([self.classifier(self.dropout(states)) for _ in range(count)])  # (K, N, tags)
        flat = samples.flatten(0, 1)
        if len(targets) == 0:
            loss = samples.sum() * 0.0
        elif self.crf is not None:
            loss = self.crf(flat, targets, sentence_lengths(batch.articles) * count)
        else:
            loss = functional.cross_entropy(flat, targets)
        return samples.mean(dim=0), loss

    def forward(self, *args: Any, batch: Batch | None = None, **kwargs: Any) -> Any:
        """The joint loss of a :class:`Batch` as the trainer asks for it; the stock tagger for anything else."""
        if batch is None:
            return super().forward(*args, **kwargs)
        output = self.joint(batch, with_loss=True, **kwargs)
        return {"loss": output.loss, "tag_loss": output.tag_loss, "relation_loss": output.relation_loss,
                "tag_logits": output.tag_logits}

    def _relation_loss(self, states: torch.Tensor, pairs: PairBatch, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy over admissible (pair, type) cells, per gold relation rather than per cell: an
        article with thousands of far-apart pairs must not silence the few that count."""
        assert self.relation_head is not None
        if len(pairs.head) == 0:
            # Every parameter takes part in every step; distributed training waits for each gradient.
            return sum(p.sum() for p in self.relation_head.parameters()) * 0.0 + states.sum() * 0.0
        logits = self.relation_head(states, pairs.to(states.device)).float()  # (P, R)
        targets = targets.to(logits.device)
        cells = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        allowed = pairs.allowed.to(logits.device)
        return (cells * allowed).sum() / (targets.sum() + 10.0)

    @torch.no_grad()
    def _training_spans(self, batch: Batch, logits: torch.Tensor, predicted_share: float) -> list[list[TokenSpan]]:
        """Gold spans and, for the first ``predicted_share`` of the articles, what the tagger wrongly finds now."""
        spans = [list(a.spans) for a in batch.articles]
        count = round(predicted_share * len(spans))
        for i, found in enumerate(self.decode(batch, logits)[:count] if count else []):
            gold = {s.key for s in spans[i]}
            spans[i] = sorted([*spans[i], *(s for s in found if s.key not in gold)], key=lambda s: s.key)
        return spans
