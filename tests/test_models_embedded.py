"""The embedded encoder: seeded, loadable by anyone, and a local reader from the start."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertModel

from models.embedded import HEAD_OFFSETS, build_encoder, embedded_config, initialise_locally, main, randomise


def local_reader(heads: int) -> BertModel:
    """The shipped size with another number of heads, and a small vocabulary."""
    config = embedded_config(vocab_size=200, heads=heads)
    config._attn_implementation = "eager"
    bert = BertModel(config, add_pooling_layer=False)
    initialise_locally(bert, seed=0)
    return bert.eval()


@pytest.mark.parametrize(("heads", "local"), [(4, 4), (8, 7)])
def test_the_first_layer_heads_attend_to_their_offsets(heads: int, local: int) -> None:
    count, model = 40, local_reader(heads)
    ids = torch.randint(5, 200, (1, count), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        attention = model(input_ids=ids, output_attentions=True).attentions[0][0]  # (heads, T, T)
    checked = 0
    for head, offset in enumerate(HEAD_OFFSETS[0][:heads]):
        if offset is None:
            continue
        inner = torch.arange(5, count - 5)
        assert (attention[head, inner].argmax(dim=1) == inner + offset).all(), f"head {head}"
        assert attention[head, inner, inner + offset].mean() > 0.15
        checked += 1
    assert checked == local


def test_the_last_of_eight_heads_of_the_first_layer_is_left_to_chance() -> None:
    ids = torch.randint(5, 200, (1, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        attention = local_reader(8)(input_ids=ids, output_attentions=True).attentions[0][0, 7]
    peaks = attention.argmax(dim=1) - torch.arange(40)
    assert len(set(peaks.tolist())) > 3


def test_same_seed_same_weights_other_seed_others() -> None:
    def weights(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed + 7)  # the global generator must not matter
        bert = BertModel(embedded_config(vocab_size=50, layers=2, width=32, heads=4), add_pooling_layer=False)
        initialise_locally(bert, seed=seed)
        return bert.state_dict()

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["embeddings.word_embeddings.weight"], other["embeddings.word_embeddings.weight"])


def test_no_weight_is_left_from_the_global_generator() -> None:
    def weights(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        bert = BertModel(embedded_config(vocab_size=50, layers=1, width=32, heads=4), add_pooling_layer=False)
        initialise_locally(bert)
        return bert.state_dict()

    first, other = weights(1), weights(2)
    assert [k for k in first if not torch.equal(first[k], other[k])] == []


def test_the_folder_loads_with_stock_classes(tmp_path: Path) -> None:
    built = build_encoder(tmp_path, layers=1, width=32, heads=4, seed=3)
    assert {p.name for p in tmp_path.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert not [p.name for p in tmp_path.iterdir() if p.suffix in (".bin", ".pt", ".pkl")]
    loaded = AutoModel.from_pretrained(tmp_path, add_pooling_layer=False)
    assert type(loaded) is BertModel
    for name, value in built.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(tokenizer) == built.config.vocab_size
    assert tokenizer("K1路", add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"] == [(0, 1), (1, 2), (2, 3)]
    assert tokenizer.model_max_length == 512


def test_padding_does_not_change_the_states() -> None:
    model = local_reader(4)
    ids = torch.randint(5, 200, (1, 10), generator=torch.Generator().manual_seed(2))
    padded = torch.cat([ids, torch.zeros(1, 6, dtype=torch.long)], dim=1)
    with torch.no_grad():
        alone = model(input_ids=ids).last_hidden_state
        beside = model(input_ids=padded, attention_mask=(padded != 0).long()).last_hidden_state[:, :10]
    torch.testing.assert_close(alone, beside, atol=1e-5, rtol=1e-4)


def test_the_command(tmp_path: Path, call) -> None:
    said = call(main, "--out", tmp_path / "e", "--layers", 1, "--width", 32, "--heads", 4)
    assert said.code == 0 and "1 layers, width 32" in said.out
    assert (tmp_path / "e" / "model.safetensors").is_file()
    said = call(main, "--out", tmp_path / "x", "--width", 30, "--heads", 4)
    assert said.code == 2 and "--width 128" in said.err and not (tmp_path / "x").exists()


def test_random_weights_of_the_same_architecture_and_vocabulary(tmp_path: Path, tiny_encoder: Path) -> None:
    for seed, name in ((3, "a"), (3, "b"), (4, "c")):
        randomise(tiny_encoder, tmp_path / name, seed=seed)
    original, a, b, c = (AutoModel.from_pretrained(p, add_pooling_layer=False) for p in (tiny_encoder, *(tmp_path / n for n in "abc")))
    assert AutoTokenizer.from_pretrained(tmp_path / "a").get_vocab() == AutoTokenizer.from_pretrained(tiny_encoder).get_vocab()
    shapes = {n: p.shape for n, p in original.named_parameters()}
    assert {n: p.shape for n, p in a.named_parameters()} == shapes
    words = [m.embeddings.word_embeddings.weight for m in (original, a, b, c)]
    assert torch.equal(words[1], words[2]) and not torch.equal(words[1], words[3]) and not torch.equal(words[1], words[0])
