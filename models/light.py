"""A run for inference without ``transformers``: the import of its modelling code takes longer than a first article may.

The same weights under the same names, the same heads and the same decoder; the encoder has no forward of its own, for an
engine computes it (:mod:`models.engines`). What is unusual or damaged goes to :func:`models.run_folder.load_predictor`,
which can tell what is wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from data.errors import QianyueError
from models.checkpoint import check_checkpoint
from models.document import Predictor
from models.engines import make_engine
from models.inputs import TextEncoder
from models.reading_heads import SETTINGS, ReadingHeads

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from models.signing import SigningModel

_SIZES = ("hidden_size", "num_attention_heads", "layer_norm_eps", "hidden_act", "id2label")
_NEEDED = ("schema", "max_tokens", "overlap_tokens", "hints", "thresholds")
# What a run that is damaged, of another version or another kind may raise; the other loader finds it too, and tells.
_UNUSUAL = (QianyueError, OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)
_SPECIAL = ("[PAD]", "[CLS]", "[SEP]")


class LightModel(ReadingHeads, nn.Module):
    """What engines and decoding read of a :class:`models.signing.SigningModel`.

    Args:
        config: ``config.json`` of a run.
        tensors: its weights by name.

    Raises:
        KeyError, ValueError, RuntimeError: they are not those of a tagger of this version over a plain BERT.
    """

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.config: Any = SimpleNamespace(**{name: config[name] for name in _SIZES})
        self.classifier = nn.Linear(config["hidden_size"], len(config["id2label"]))
        self.make_heads(config[SETTINGS], hidden_size=config["hidden_size"])
        if config["hidden_act"] != "gelu":
            raise ValueError("only plain BERT taggers are read light")
        self.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("bert.")})
        bert: Any = _tree({name.removeprefix("bert."): t for name, t in tensors.items() if name.startswith("bert.")})
        bert.config = self.config
        for layer in bert.encoder.layer:
            layer.intermediate.intermediate_act_fn = functional.gelu
        self.bert = bert
        self.requires_grad_(False).eval()

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.classifier.weight.device


def _tree(tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    """Modules that hold tensors under their dotted names; numbered ones are a list."""
    children: dict[str, dict[str, torch.Tensor]] = {}
    module = nn.Module()
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        if rest:
            children.setdefault(first, {})[rest] = tensor
        else:
            module.register_parameter(first, nn.Parameter(tensor, requires_grad=False))
    if children and all(name.isdecimal() for name in children):
        return nn.ModuleList(_tree(children[str(i)]) for i in range(len(children)))
    for name, inner in children.items():
        module.add_module(name, _tree(inner))
    return module


class LightTokenizer:
    """``tokenizer.json`` behind the part of a ``transformers`` tokenizer that :class:`models.inputs.TextEncoder` uses.

    Raises:
        ValueError: it lacks a token that BERT needs.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as fault:  # tokenizers raises nothing narrower
            raise ValueError(f"no tokenizer: {fault}") from fault
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        ids = [self._tokenizer.token_to_id(token) for token in _SPECIAL]
        if None in ids:
            raise ValueError(f"expected the tokens {', '.join(_SPECIAL)}")
        self.pad_token_id, self.cls_token_id, self.sep_token_id = ids

    def __call__(self, texts: Sequence[str], **_: Any) -> dict[str, list[Any]]:
        """Token ids and their offsets in each text, without special tokens."""
        found = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return {"input_ids": [one.ids for one in found], "offset_mapping": [one.offsets for one in found]}


def load_light(folder: Path | str, engine: str = "auto") -> Predictor | None:
    """A predictor of a run that only predicts, or None where the run is not one to be read so.

    Raises:
        ModelError: the folder is missing, incomplete or holds only a pickle, or lacks the export that is asked for.
        UsageError: there is no such engine.
    """
    path = Path(folder)
    check_checkpoint(path)
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        settings = config[SETTINGS]
        values = {name: settings[name] for name in _NEEDED}
        model = LightModel(config, load_file(path / "model.safetensors"))
        tokenizer = LightTokenizer(path / "tokenizer.json")
    except _UNUSUAL:
        return None
    # Neither is one, but both are all that is used of one here.
    encoder = TextEncoder(tokenizer=cast("PreTrainedTokenizerBase", tokenizer), schema=model.schema,
                          max_tokens=values["max_tokens"], overlap_tokens=values["overlap_tokens"], hints=values["hints"])
    signing = cast("SigningModel", model)
    return Predictor(model=signing, encoder=encoder, thresholds=dict(values["thresholds"] or {}), name=path.name,
                     temperature=settings.get("temperature", 1.0), engine=make_engine(engine, signing, path), answers=model.answers)
