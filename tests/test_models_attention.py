"""Plain attention gives what PyTorch's own gives, masked or not, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from models.attention import PLAIN, plain_attention


@pytest.mark.parametrize("masked", [False, True])
def test_values_and_gradients_equal_those_of_torch(masked: bool) -> None:
    torch.manual_seed(0)
    mask = torch.zeros(2, 1, 1, 7)
    if masked:
        mask[0, ..., 5:] = torch.finfo(torch.float32).min
    results = []
    for plain in (True, False):
        torch.manual_seed(1)
        q, k, v = (torch.randn(2, 3, 7, 4, requires_grad=True) for _ in range(3))
        if plain:
            out, _ = plain_attention(nn.Module(), q, k, v, mask)
        else:
            out = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)
        out.square().sum().backward()
        results.append((out.detach(), q.grad, k.grad, v.grad))
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_model_gives_the_same_states_with_it() -> None:
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                 intermediate_size=64), add_pooling_layer=False).eval()
    ids = torch.randint(5, 50, (2, 9))
    attention = torch.ones_like(ids)
    attention[1, 6:] = 0
    with torch.no_grad():
        model.set_attn_implementation("sdpa")
        expected = model(input_ids=ids, attention_mask=attention).last_hidden_state
        model.set_attn_implementation(PLAIN)
        found = model(input_ids=ids, attention_mask=attention).last_hidden_state
    torch.testing.assert_close(found[attention.bool()], expected[attention.bool()])
