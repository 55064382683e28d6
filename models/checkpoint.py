"""What a run folder must hold, checked before anything of it is loaded."""

from __future__ import annotations

from pathlib import Path

from data.errors import ModelError

REQUIRED = ("config.json", "model.safetensors", "tokenizer.json")
PICKLES = ("pytorch_model.bin", "model.pt", "model.pkl", "model.bin")


def check_checkpoint(folder: Path, *, required: tuple[str, ...] = REQUIRED) -> None:
    """Refuse what cannot be loaded safely.

    Raises:
        ModelError: no such folder, files missing, or weights only as a pickle.
    """
    if not folder.is_dir():
        raise ModelError("no such model folder", place=str(folder),
                         repair="train one: make train, or give the path of an existing run")
    missing = [name for name in required if not (folder / name).is_file()]
    if "model.safetensors" in missing and (pickles := [p for p in PICKLES if (folder / p).is_file()]):
        raise ModelError(
            f"holds a pickle ({pickles[0]}) and no model.safetensors; pickles can run code and are never loaded",
            place=str(folder),
            repair="convert it where you trust it: AutoModel.from_pretrained(folder).save_pretrained(new_folder)")
    if missing:
        raise ModelError(f"expected {', '.join(required)}; missing: {', '.join(missing)}", place=str(folder),
                         repair="a training that was killed goes on with: python -m training.train --config … --resume")
