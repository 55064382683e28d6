"""A batch run on a Ray cluster: one reader, an actor with the model on every GPU or core, parts as in a run of one process.

The reader cuts the inputs into the same shards, Ray Data hands them to the actors as they become free, and each actor
commits its part itself; so the output, and what a stopped run goes on from, are the same. All machines must see the
folder of the output, and the inputs unless they are URLs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.documents import Document, ReadFault
from data.errors import ModelError, QianyueError
from models.parts import PartStore, ShardReport
from models.shards import Parsed, parse_one

if TYPE_CHECKING:
    from models.batch import BatchOptions, BatchRun

END = -1  # no shard: what the reader says after the last one
BLOCK_BYTES = 1  # a block for each shard: an actor that is free must not wait for others to fill it
_READER_CPUS = 0.01  # another amount than the actors': equal ones would be fused into one


class ShardActor:
    """Holds a model and predicts shard after shard; Ray makes one for each worker."""

    def __init__(self, options: BatchOptions, manifest: dict[str, Any]) -> None:
        from models.batch import make_reading
        from models.register import register_of_command

        _keep_to_own_cores()
        self._reading = make_reading(options, register_of_command(options.register))
        self._columns = options.columns
        self._store = PartStore(Path(options.output), manifest)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Commit the one shard of a batch; what is no shard is passed on."""
        shard = int(batch["shard"][0])
        if shard != END:
            report = ShardReport()
            self._store.commit(shard, self._reading.lines(self._parsed(batch["content"][0]), report), report)
        return {"shard": batch["shard"], "content": batch["content"] if shard == END else _boxed(None)}

    def _parsed(self, documents: list[Document]) -> Iterator[Parsed]:
        from models.batch import check_inputs

        for document in documents:
            one = parse_one(document, self._columns)
            if isinstance(one.item, ReadFault) and one.item.is_missing:
                check_inputs(self._store.manifest["found"])
            yield one


def _keep_to_own_cores() -> None:
    """As many threads as the cluster gave this actor cores: the actors of a machine must not crowd each other out."""
    import ray
    import torch

    given = ray.get_runtime_context().get_assigned_resources()
    if not given.get("GPU"):
        torch.set_num_threads(max(1, int(given.get("CPU", 1))))


def run_shards(run: BatchRun, store: PartStore) -> None:
    """Predict all shards that are not done on the cluster, and count them in.

    Raises:
        ModelError: Ray is not installed, or an actor failed.
        DataError: an input vanished while it was read, or is not what it was when the run began.
    """
    # Its native part warns in words of its own about what is no fault here.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        from ray.exceptions import RayError
    except ImportError as fault:
        raise ModelError("a cluster needs Ray, which is not installed", place="--engine-cluster ray",
                         repair="pip install -r requirements-ray.lock") from fault
    if not ray.is_initialized():
        _start(ray, run.options.cluster_workers)
    earlier = set(store.shards())
    try:
        count = _predict(run, store)
    except RayError as fault:
        causes = [fault, fault.__cause__, getattr(fault, "cause", None)]
        for cause in causes:
            if isinstance(cause, QianyueError):
                raise cause from fault
        raise ModelError(f"a worker of the cluster failed: {str(causes[-1] or fault).strip().splitlines()[-1]}",
                         repair="ray status; the same command goes on from here") from fault
    if len(finished := list(store.shards())) != count:
        raise ModelError(f"expected {count} shards, found {len(finished)}", repair="the same command goes on from here")
    for shard in finished:
        if report := store.report(shard):
            run.totals.add(report, is_resumed=shard in earlier)


def _start(ray: Any, workers: int) -> None:
    """Join the cluster of ``RAY_ADDRESS``, or start one on this machine with room for the reader beside the actors."""
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
    else:
        ray.init(address="local", num_cpus=max(os.cpu_count() or 1, workers) + 1, log_to_driver=False, include_dashboard=False,
                 logging_level="ERROR")


def _predict(run: BatchRun, store: PartStore) -> int:
    """Run the pipeline; returns how many shards the inputs have."""
    import ray
    from ray.data import DataContext

    context = DataContext.get_current()
    context.target_max_block_size = BLOCK_BYTES
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # A GPU each where the cluster has them, else a core each.
    share = {"num_gpus": 1} if ray.cluster_resources().get("GPU") else {"num_cpus": 1}
    done = ray.data.from_items([{"shard": END}], override_num_blocks=1).map_batches(
        _read_shards, fn_args=(run.options, store.manifest), batch_size=1, num_cpus=_READER_CPUS,
    ).map_batches(
        ShardActor, fn_constructor_args=(run.options, store.manifest), batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=run.options.cluster_workers), **share)
    count = 0
    for batch in done.iter_batches(batch_size=1, prefetch_batches=0):
        if int(batch["shard"][0]) == END:
            count, dropped = batch["content"][0]
            run.totals.dropped.update(dropped)
        elif report := store.report(int(batch["shard"][0])):
            run.progress.count(report.articles, report.characters)
            run.progress.update(0)
            for fault in report.faults:
                run.progress.fault(fault)
    return count


def _read_shards(batch: dict[str, Any], options: BatchOptions, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The shards that are not done, each as one row, as they are read; at the end, how many there are in all."""
    from models.batch import BatchRun

    run, store = BatchRun(options), PartStore(Path(options.output), manifest)
    last = -1
    for shard, documents in groupby(run.pending(store), key=lambda pair: pair[0]):
        last = shard
        yield {"shard": np.array([shard]), "content": _boxed([document for _, document in documents])}
    last = max(last, *store.shards(), -1)
    yield {"shard": np.array([END]), "content": _boxed((last + 1, dict(run.totals.dropped)))}


def _boxed(content: Any) -> np.ndarray:
    """One object as a column of one row."""
    box = np.empty(1, dtype=object)
    box[0] = content
    return box
