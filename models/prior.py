"""A classifier's first guess."""

from __future__ import annotations

from torch import nn


class PriorLinear(nn.Linear):
    """A layer whose bias begins at the logit of a prior probability, so that a rare class is not called likely at first
    (Lin et al. 2017, section 3.3, https://arxiv.org/abs/1708.02002).

    In a layer of its own because ``from_pretrained`` draws the weights of each innermost module once, and nothing that a
    module around it sets afterwards would stand.
    """

    def __init__(self, in_features: int, out_features: int, *, prior_logit: float) -> None:
        self.prior_logit = prior_logit
        super().__init__(in_features, out_features)

    def reset_parameters(self) -> None:
        super().reset_parameters()
        nn.init.constant_(self.bias, self.prior_logit)
