"""What keeps the memory of a long run flat, measured by :mod:`models.bench_memory`.

On a CPU, PyTorch keeps a kernel of oneDNN for each shape of a bf16 product, by default a thousand of them at half a megabyte
and more; articles of all lengths bring ever new shapes. And the C library keeps freed memory that lies below what is still
used: a run creeps up by what it has freed.
"""

from __future__ import annotations

import ctypes
import os
import sys

KERNELS = 64  # kept for each kind; 1,024 read 10 % faster and took twice the memory
GIVE_BACK_ARTICLES = 256  # what is given back must be asked for again: at every 64 articles that took a tenth of the time
_CACHES = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")


def bound_kernels() -> None:
    """Bound the kernels that are kept, unless the environment says how many; it must come before the first product."""
    for name in _CACHES:
        os.environ.setdefault(name, str(KERNELS))


def give_back() -> None:
    """Return freed memory to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
