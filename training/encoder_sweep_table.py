"""The table of an encoder sweep: what each encoder cost, how well it guesses, and what it is good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TASK_PARTS = ("entities.micro", "relations.micro")


def table(name: str, sources: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a line a record.

    Args:
        sources: the columns of the hospital task, such as seeds and dev.
        records: of ``training.encoder_sweep.run_encoder``.
    """
    headline = records[0]["headline"]
    heads = [name, "parameters", "MiB", "tokens read", "held-out loss", "masked accuracy", f"public {headline} F1",
             *(f"{s}: {part.partition('.')[0]}" for s in sources for part in TASK_PARTS), "fine-tuning, s"]
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for record in records:
        public, task = record["public"], record["task"]
        cells = [
            record["title"], f"{public['parameters'] / 1e6:.1f} M", f"{record['bytes'] / 2**20:.1f}",
            f"{record['tokens'] / 1e6:.1f} M", f"{record['held_out_loss']:.3f}", f"{record['masked_accuracy']:.3f}",
            f"{public[headline]['mean']:.1f} ± {public[headline]['spread']:.1f}",
            *(f"{task['scores'][s][part]:.3f}" for s in sources for part in TASK_PARTS),
            f"{public['seconds']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
