"""What a piece of work cost: time, memory, and energy where the machine tells it (RAPL counters of Linux)."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RAPL = Path("/sys/class/powercap")


def read_energy(root: Path = RAPL) -> dict[str, tuple[int, int]]:
    """Microjoules so far and where the counter begins anew, by package; empty where there are no readable counters.

    Sub-zones (core, dram inside a package) are left out: the package holds them.
    """
    counters: dict[str, tuple[int, int]] = {}
    for zone in sorted(root.glob("intel-rapl:*")) if root.is_dir() else []:
        if zone.name.count(":") != 1:
            continue
        try:
            counters[zone.name] = (int((zone / "energy_uj").read_text(encoding="ascii")),
                                   int((zone / "max_energy_range_uj").read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue  # since 2020 kernels show these to root alone
    return counters


def joules(before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]) -> float | None:
    """Energy between two readings, whole machine; None without counters. A counter may have begun anew once."""
    shared = [(before[z][0], *after[z]) for z in before if z in after]
    return round(sum((end - start) % (span + 1) for start, end, span in shared) / 1e6, 1) if shared else None


def peak_memory_mib() -> int:
    """The most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)


@dataclass(frozen=True)
class Meter:
    """Started where work begins; :meth:`read` says what it has cost since."""

    started: float = field(default_factory=time.monotonic)
    energy: Mapping[str, tuple[int, int]] = field(default_factory=read_energy)

    def read(self) -> dict[str, Any]:
        """``seconds``, ``peak_memory_mib``, ``energy_joules`` (of the whole machine; None where it does not tell)."""
        return {"seconds": round(time.monotonic() - self.started, 2), "peak_memory_mib": peak_memory_mib(),
                "energy_joules": joules(self.energy, read_energy())}
