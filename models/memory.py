"""What keeps the memory of a long run flat, measured by :mod:`models.bench_memory`.

On a CPU, PyTorch keeps a kernel of oneDNN for each shape of a bf16 product, by default a thousand of them at half a megabyte
and more; articles of all lengths bring ever new shapes. And the C library keeps freed memory that lies below what is still
used, above all between tensors of ever new sizes: a run creeps up by what it has freed. Both cost about a sixth of the
speed on very short articles, and less on longer ones.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

KERNELS = 64  # kept for each kind; 1,024 read 10 % faster and took twice the memory
GIVE_BACK_ARTICLES = 32
OWN_PAGES_BYTES = 2**20  # blocks from this size on go back as soon as they are freed
_M_MMAP_THRESHOLD = -3  # of mallopt(3)
_CACHES = ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY")


def keep_flat() -> None:
    """Both bounds below; before the first product."""
    bound_kernels()
    bound_heap()


def bound_kernels() -> None:
    """Bound the kernels that are kept, unless the environment says how many; it must come before the first product."""
    for name in _CACHES:
        os.environ.setdefault(name, str(KERNELS))


def bound_heap() -> None:
    """Let large blocks have pages of their own, where the C library can; left alone it raises the size from which they
    do as it goes. The environment (``MALLOC_MMAP_THRESHOLD_``) goes first."""
    mallopt = _of_c_library("mallopt")
    if mallopt is not None and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt(_M_MMAP_THRESHOLD, OWN_PAGES_BYTES)


def give_back() -> None:
    """Return freed memory to the system, where the C library can."""
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def _of_c_library(name: str) -> Any:
    """A function of glibc; None elsewhere."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
