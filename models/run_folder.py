"""A run folder: what it must hold, how it is read, and how it is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub.errors import StrictDataclassError
from huggingface_hub.utils import disable_progress_bars
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging as hf_logging

from data.errors import ModelError
from data.schema import schema_from_dict
from models.checkpoint import check_checkpoint
from models.document import Predictor
from models.engines import make_engine
from models.inputs import TextEncoder
from models.reading_heads import SETTINGS
from models.signing import SigningModel


def load_predictor(folder: Path | str, engine: str = "auto") -> Predictor:
    """Read a run folder for inference; ``engine`` is one of :data:`models.engines.ENGINES`.

    Raises:
        UsageError: there is no such engine.
        ModelError: the folder is missing, incomplete, holds only a pickle, or is no model of ours.
    """
    path = Path(folder)
    check_checkpoint(path)
    quietly()
    try:
        model_settings(path)
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model, report = SigningModel.from_pretrained(path, local_files_only=True, output_loading_info=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, StrictDataclassError) as fault:
        raise ModelError(f"a file of the run is damaged or of an older version: {fault}", place=str(path),
                         repair="train it anew with this version: make train") from fault
    if lacking := sorted(report["missing_keys"]):
        raise ModelError(f"lacks weights that this version needs: {', '.join(lacking[:5])} …", place=str(path),
                         repair="train it anew with this version: make train")
    model.eval()
    return replace(predictor_of(model, tokenizer, name=path.name), engine=make_engine(engine, model, path))


def predictor_of(model: SigningModel, tokenizer: PreTrainedTokenizerBase, *, name: str) -> Predictor:
    """A predictor of a model in memory, with the window sizes and thresholds of its settings."""
    settings = getattr(model.config, SETTINGS)
    encoder = TextEncoder(tokenizer=tokenizer, schema=model.schema, max_tokens=settings["max_tokens"],
                          overlap_tokens=settings["overlap_tokens"], hints=settings["hints"])
    return Predictor(model=model, encoder=encoder, thresholds=dict(settings.get("thresholds") or {}), name=name,
                     temperature=settings.get("temperature", 1.0), answers=model.answers)


def model_settings(folder: Path) -> dict[str, Any]:
    """Our part of a run's ``config.json``, read without loading weights."""
    check_checkpoint(folder)
    settings = getattr(AutoConfig.from_pretrained(folder, local_files_only=True), SETTINGS, None)
    if not settings:
        raise ModelError(f"config.json has no {SETTINGS!r} entry: an encoder or a foreign model, no trained run",
                         place=str(folder), repair="give a folder that training.train wrote, such as runs/default")
    schema = schema_from_dict(settings["schema"], place=str(folder / "config.json"))
    answers = settings.get("answers")
    if answers and not schema.covers(schema_from_dict(answers, place=str(folder / "config.json"))):
        raise ModelError("config.json asks for answers in a schema that the model does not read", place=str(folder),
                         repair="train it anew with this version: make train")
    if lacking := sorted({"max_tokens", "overlap_tokens", "hints", "thresholds"} - set(settings)):
        raise ModelError(f"config.json is of an older version: {SETTINGS} lacks {', '.join(lacking)}", place=str(folder),
                         repair="train it anew with this version: make train")
    return settings


def save_run(folder: Path, model: SigningModel, tokenizer: PreTrainedTokenizerBase, files: dict[str, str]) -> None:
    """Write weights, tokenizer and the given text files to ``folder``: each file appears whole, weights last."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as temporary:
        staging = Path(temporary)
        # The tagger's own name, so that stock AutoModelForTokenClassification knows what to build.
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        for name, text in files.items():
            (staging / name).write_text(text, encoding="utf-8")
        names = sorted((p.name for p in staging.iterdir()), key=lambda n: n == "model.safetensors")
        for name in names:
            os.chmod(staging / name, 0o644)
            os.replace(staging / name, folder / name)


def dump_yaml(record: dict[str, Any]) -> str:
    """YAML in the order of the record, with Chinese readable."""
    return yaml.safe_dump(record, allow_unicode=True, sort_keys=False)


def remove_folder(folder: Path) -> None:
    """Delete a folder of ours, if it is there."""
    if folder.is_dir():
        shutil.rmtree(folder)


def quietly() -> None:
    """Keep transformers' progress bars for loading a 20 MB file off the user's screen."""
    disable_progress_bars()
    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
