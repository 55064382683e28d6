"""Windows end to end, without padding: what attention needs to keep each of them to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.inputs import Batch

# An attention call has a multiple of this of queries and keys: for others, bf16 attention on a CPU takes twice the time.
KEY_STEP = 32
# A pack has a multiple of this of tokens: oneDNN makes a kernel for each shape, and shapes that come again cost nothing.
PACK_STEP = 256
# Windows as short as this share a call: on their own they would cost more to call than to compute.
SHARED_TOKENS = 128


@dataclass(frozen=True)
class Block:
    """One call of attention: the tokens of one window, or of several short ones, and what is read with them up to a
    round number of keys."""

    start: int
    end: int
    key_end: int
    readable: torch.Tensor  # (1, K) or (K, K), true where a token reads a key


@dataclass(frozen=True)
class Packed:
    """Windows end to end. The first ``count`` tokens are theirs; after them comes padding to a round number."""

    input_ids: torch.Tensor  # (N,)
    types: torch.Tensor  # (N,)
    positions: torch.Tensor  # (N,) place in the window
    blocks: Sequence[Block]
    count: int

    def attend(self, qkv: torch.Tensor) -> torch.Tensor:
        """What each token reads of its own window: ``(N, 3, heads, D)`` to ``(N, heads * D)``."""
        rows, _, heads, size = qkv.shape
        # Zeros where no window is: what is never read must still be a number.
        mixed = qkv.new_zeros(rows, heads, size)
        query, key, value = qkv.permute(1, 2, 0, 3).unbind()  # each (heads, N, D)
        for block in self.blocks:
            read = slice(block.start, block.key_end)
            found = functional.scaled_dot_product_attention(
                query[None, :, read], key[None, :, read], value[None, :, read], block.readable[None, None])
            mixed[block.start:block.end] = found[0].transpose(0, 1)[:block.end - block.start]
        return mixed.flatten(1)


def pack(batch: Batch, limit: int, device: torch.device) -> Iterator[Packed]:
    """The windows of a batch, in order, in packs of at most ``limit`` tokens (one window alone where it is longer)."""
    lengths = batch.attention_mask.sum(dim=1).tolist()
    first = 0
    for last in range(1, len(lengths) + 1):
        if last == len(lengths) or sum(lengths[first:last + 1]) > limit:
            yield _packed(batch, first, lengths[first:last], device)
            first = last


def _packed(batch: Batch, first: int, lengths: Sequence[int], device: torch.device) -> Packed:
    rows = slice(first, first + len(lengths))
    known = batch.attention_mask[rows].bool()
    blocks = list(_blocks(lengths, device))
    count = sum(lengths)
    extra = -(-max(block.key_end for block in blocks) // PACK_STEP) * PACK_STEP - count
    places = torch.arange(known.shape[1], device=known.device).expand(known.shape)
    input_ids, types, positions = (functional.pad(table[known], (0, extra)).to(device) for table in (
        batch.input_ids[rows], batch.token_types[rows], places))
    return Packed(input_ids, types, positions, blocks, count)


def _blocks(lengths: Sequence[int], device: torch.device) -> Iterator[Block]:
    """One block for a window; one for several that follow each other and are short together."""
    start, group = 0, list[int]()
    for number, length in enumerate(lengths):
        group.append(length)
        following = lengths[number + 1] if number + 1 < len(lengths) else SHARED_TOKENS
        if sum(group) + following <= SHARED_TOKENS:
            continue
        end = start + sum(group)
        keys = -(-(end - start) // KEY_STEP) * KEY_STEP
        if len(group) == 1:
            readable = (torch.arange(keys, device=device) < length)[None]
        else:
            window_of = torch.repeat_interleave(torch.arange(len(group), device=device), torch.tensor(group, device=device))
            window_of = functional.pad(window_of, (0, keys - len(window_of)), value=-1)
            readable = window_of[:, None] == window_of
        yield Block(start, end, start + keys, readable)
        start, group = end, []
