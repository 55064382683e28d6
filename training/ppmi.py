"""Character embeddings from counts alone: positive pointwise mutual information, reduced by SVD.

Levy and Goldberg 2014 (https://papers.nips.cc/paper/2014/hash/feab05aa91085b7a8012516bc3533958-Abstract.html): this
factorisation is what skip-gram approximates, and it takes seconds.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

SMOOTHING = 0.75  # exponent on context counts, against rare contexts
MAX_TOKENS = 20_000_000


def cooccurrences(ids: NDArray[np.uint16], *, vocab_size: int, window: int) -> NDArray[np.float32]:
    """Counts ``(V, V)`` of token pairs at most ``window`` apart, nearer ones counting more (1 / distance)."""
    table = np.zeros(vocab_size * vocab_size, dtype=np.float32)
    flat = ids[:MAX_TOKENS].astype(np.int64)
    for distance in range(1, window + 1):
        pairs, count = np.unique(flat[:-distance] * vocab_size + flat[distance:], return_counts=True)
        table[pairs] += count.astype(np.float32) / distance
    square = table.reshape(vocab_size, vocab_size)
    return square + square.T


def ppmi_embeddings(
    ids: NDArray[np.uint16], *, vocab_size: int, width: int, window: int = 4, seed: int = 0
) -> torch.Tensor:
    """Embeddings ``(V, width)`` with mean 0 and spread 1 over all entries; tokens that do not occur get zeros.

    Args:
        ids: the corpus as one stream of token ids.
        window: how many tokens to each side are context.
    """
    counts = torch.from_numpy(cooccurrences(ids, vocab_size=vocab_size, window=window))
    rows = counts.sum(1, keepdim=True)
    contexts = counts.sum(0, keepdim=True) ** SMOOTHING
    pmi = torch.log((counts * contexts.sum()) / (rows * contexts).clamp_min(1e-9) + 1e-12).clamp_min_(0)
    torch.manual_seed(seed)
    left, values, _ = torch.svd_lowrank(pmi, q=min(width + 16, vocab_size), niter=2)
    vectors = left[:, :width] * values[:width].sqrt()
    if vectors.shape[1] < width:
        vectors = torch.nn.functional.pad(vectors, (0, width - vectors.shape[1]))
    present = rows[:, 0] > 0
    # Left whole, the first few components (how frequent a character is) would drown the rest.
    vectors = vectors - vectors[present].mean(0)
    vectors = vectors / vectors[present].std(0).clamp_min(1e-6) ** 0.5
    vectors = vectors / vectors[present].std()
    vectors[~present] = 0.0
    return vectors
