"""The embedded encoder: a small BERT that needs no download.

``models/encoder-zh-small/`` holds it pre-trained (training/pretrain.py). ``python -m models.embedded`` writes the same
architecture with seeded random weights, a folder like any checkpoint, to see what pre-training brings.

The random weights are drawn so that a transformer trained on little text starts as a local reader: positions are
sinusoids (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762) kept in the first dimensions, and most attention
heads begin by looking one to four characters left or right, in the spirit of mimetic initialisation (Trockman and
Kolter 2023, https://arxiv.org/abs/2305.09828). Training is free to change all of it.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import AutoTokenizer, BertConfig, BertModel

from data.errors import EXIT_OK, run_command
from models.vocabulary import build_tokenizer, seed_texts

DEFAULT_FOLDER = Path("models/encoder-zh-small")
RANDOM_FOLDER = Path("runs/encoder-random")
# Relative offsets, in characters, that the heads of each layer attend to at first; None leaves a head random.
HEAD_OFFSETS: tuple[tuple[int | None, ...], ...] = (
    (-1, 1, -2, 2, 0, -3, 3, None),
    (-1, 1, -2, 2, -4, 4, None, None),
    (-1, 1, -3, 3, None, None, None, None),
    (-1, 1, None, None, None, None, None, None),
)
LINEAR_STD = 0.05
POSITION_PERIODS = (2.5, 400.0)  # shortest and longest wavelength of the sinusoids, in characters
ATTENTION_SHARPNESS = 3.0  # the larger, the more of a head's first attention falls on its one offset


def embedded_config(*, vocab_size: int, layers: int = 6, width: int = 256, heads: int = 4) -> BertConfig:
    """A BERT configuration of the embedded size: 6 layers, width 256, 4 heads, about 7 M parameters.

    Heads of 64 as in larger BERTs: twice as many of half the size cost twice the exponentials, and those are what a CPU
    spends most of its time on.

    No dropout inside: hiding a tenth of the input tokens (``augment.mask_tokens``) regularises as well, and drawing the
    masks took an eighth of a training step on a CPU.
    """
    return BertConfig(
        vocab_size=vocab_size, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * width, max_position_embeddings=512, hidden_dropout_prob=0.0, classifier_dropout=0.1,
        attention_probs_dropout_prob=0.0, pad_token_id=0,
    )


def initialise_locally(model: BertModel, *, seed: int = 0) -> None:
    """Draw all weights of ``model`` anew (in place) as the module docstring says; same seed, same weights."""
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    head_width = config.hidden_size // config.num_attention_heads
    frequencies = _frequencies(head_width // 2)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.weight.normal_(0.0, LINEAR_STD, generator=generator)
                module.bias.zero_()
        _initialise_embeddings(model, frequencies, head_width, generator)
        for layer, offsets in zip(model.encoder.layer, HEAD_OFFSETS, strict=False):
            attention = layer.attention.self
            for head, offset in enumerate(offsets[: config.num_attention_heads]):
                if offset is not None:
                    rows = slice(head * head_width, (head + 1) * head_width)
                    _look_at(attention.query.weight[rows], attention.key.weight[rows], offset, frequencies)
            # What a layer adds must not drown the position dimensions that the next layer's heads read.
            layer.attention.output.dense.weight[:head_width] *= 0.1
            layer.output.dense.weight[:head_width] *= 0.1


def _frequencies(count: int) -> torch.Tensor:
    shortest, longest = POSITION_PERIODS
    steps = torch.arange(count, dtype=torch.float32) / max(count - 1, 1)
    return 2 * math.pi / (shortest * (longest / shortest) ** steps)


def _initialise_embeddings(
    model: BertModel, frequencies: torch.Tensor, head_width: int, generator: torch.Generator
) -> None:
    embeddings = model.embeddings
    positions = torch.arange(model.config.max_position_embeddings)[:, None] * frequencies[None]
    embeddings.position_embeddings.weight.zero_()
    embeddings.position_embeddings.weight[:, :head_width] = torch.cat([positions.sin(), positions.cos()], dim=1)
    embeddings.word_embeddings.weight.normal_(0.0, 1.0, generator=generator)
    embeddings.word_embeddings.weight[:, :head_width] = 0.0
    embeddings.word_embeddings.weight[model.config.pad_token_id] = 0.0
    embeddings.token_type_embeddings.weight.zero_()


def _look_at(query: torch.Tensor, key: torch.Tensor, offset: int, frequencies: torch.Tensor) -> None:
    """Set one head's rows ``(head_width, width)`` so that the score of (i, j) peaks at ``j = i + offset``.

    The query rotates the sinusoids of position i by ``offset``; the key reads those of j; their product is
    ``sum_f cos(w_f (i + offset - j))``.
    """
    count = len(frequencies)
    scale = math.sqrt(ATTENTION_SHARPNESS)
    cosine, sine = (frequencies * offset).cos() * scale, (frequencies * offset).sin() * scale
    sines, cosines = torch.arange(count), torch.arange(count) + count
    query.zero_()
    query[sines, sines], query[sines, cosines] = cosine, sine
    query[cosines, cosines], query[cosines, sines] = cosine, -sine
    key.zero_()
    key[sines, sines] = key[cosines, cosines] = scale


def build_encoder(folder: Path, *, layers: int = 6, width: int = 256, heads: int = 4, seed: int = 0) -> BertModel:
    """Write tokenizer, config and seeded random weights to ``folder`` and return the model."""
    tokenizer = build_tokenizer(seed_texts())
    model = BertModel(embedded_config(vocab_size=len(tokenizer), layers=layers, width=width, heads=heads),
                      add_pooling_layer=False)
    initialise_locally(model, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return model


def randomise(source: Path | str, folder: Path, *, seed: int) -> None:
    """Write to ``folder`` the encoder ``source`` with its weights drawn anew: same architecture, size and vocabulary."""
    model = BertModel(BertConfig.from_pretrained(source), add_pooling_layer=False)
    initialise_locally(model, seed=seed)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    model.save_pretrained(folder)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m models.embedded", description="Make the embedded encoder with seeded random weights.",
        epilog="example: python -m models.embedded --out runs/encoder-random --layers 6 --width 256")
    parser.add_argument("--out", type=Path, default=RANDOM_FOLDER, help="folder to write (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=256, help="hidden size, a multiple of --heads")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if args.width % args.heads:
        parser.error(f"--width {args.width} is no multiple of --heads {args.heads}; try --width {args.heads * 32}")
    model = build_encoder(args.out, layers=args.layers, width=args.width, heads=args.heads, seed=args.seed)
    count = sum(p.numel() for p in model.parameters())
    print(f"{args.out}: {args.layers} layers, width {args.width}, vocabulary {model.config.vocab_size}, "
          f"{count / 1e6:.1f} M parameters, random weights of seed {args.seed}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
