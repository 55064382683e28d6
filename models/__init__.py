"""Rooms for tensors: encoder, heads, decoding, prediction, events. ``from models import Extractor`` is the front door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.extractor import Extractor

__all__ = ["Extractor"]


def __getattr__(name: str) -> Any:
    # Lazily: importing any module of the package must not load torch.
    if name == "Extractor":
        from models.extractor import Extractor

        return Extractor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
