"""The trainer: ``transformers.Trainer`` with our batches, our parameter groups and scores on dev."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch.nn import functional
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainerControl, TrainingArguments

from models.inputs import Batch
from models.signing import SigningModel
from training.config import TrainConfig
from training.regularise import WeightAverage, perturbed

HEADS = ("classifier.", "relation_head.", "crf.")
NO_DECAY = ("bias", "LayerNorm.weight")


class SigningTrainer(Trainer):
    """Trains on a stream whose rows are whole batches; ``score`` gives dev scores of the model as it stands."""

    control: TrainerControl

    def __init__(self, *, config: TrainConfig, model: SigningModel, stream: Dataset,
                 score: Callable[[], dict[str, float]] | None, teacher: SigningModel | None = None, **kwargs: Any) -> None:
        self.config, self.score, self.teacher = config, score, teacher
        self.optimizer: torch.optim.Optimizer | None = None
        # The trainer only evaluates when it has a data set; what is scored is our own business.
        super().__init__(model=model, train_dataset=stream, eval_dataset=stream if score else None,
                         data_collator=lambda rows: rows[0], **kwargs)
        self._parts: dict[str, float] = {}
        decay = config.regularise.weight_average
        self._average = WeightAverage(self.model, decay) if decay else None
        if self._average:
            self.add_callback(self._average)

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> SequentialSampler:
        """The stream is already shuffled, epoch by epoch."""
        return SequentialSampler(self.train_dataset)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW with one rate for the heads and one for the encoder; biases and norms are not decayed."""
        if self.optimizer is None:
            options = self.config.optimiser
            groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
            for name, parameter in self.model.named_parameters():
                rate = options.head_learning_rate if name.startswith(HEADS) else options.learning_rate
                groups.setdefault((rate, name.endswith(NO_DECAY)), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [{"params": parameters, "weight_decay": 0.0 if plain else options.weight_decay, "lr": rate}
                 for (rate, plain), parameters in groups.items()],
                lr=options.learning_rate, betas=(0.9, 0.98), fused=True)
        return self.optimizer

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Gradients of one batch; with ``fgm``, those of the same batch under adversarial embeddings are added."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if epsilon := self.config.regularise.fgm:
            parts = self._parts
            with perturbed(self.model.bert.embeddings.word_embeddings.weight, epsilon):
                super().training_step(model, inputs, num_items_in_batch)
            self._parts = parts  # the log shows the text as it is
        return loss

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> Any:
        """The joint loss of one batch, its two parts kept for the log."""
        outputs = model(**inputs, relation_weight=self.config.optimiser.relation_weight,
                        dropout_samples=self.config.regularise.dropout_samples)
        self._parts = {name: float(outputs[name]) for name in ("tag_loss", "relation_loss")}
        loss = outputs["loss"]
        if self.teacher is not None:
            distance = self._from_teacher(inputs["batch"], outputs["tag_logits"])
            self._parts["teacher_loss"] = float(distance.detach())
            loss = loss + distance
        # The mean over accumulated batches is taken by the trainer: the batch has no labels that it could count.
        return (loss, outputs) if return_outputs else loss

    def _from_teacher(self, batch: Batch, tag_logits: torch.Tensor) -> torch.Tensor:
        """Divergence of the tag scores ``(N, tags)`` from the teacher's (Hinton et al. 2015,
        https://arxiv.org/abs/1503.02531)."""
        assert self.teacher is not None and self.config.teacher is not None
        warmth = self.config.teacher.temperature
        with torch.no_grad():
            expected = self.teacher.to(tag_logits.device).joint(batch).tag_logits.float()
        divergence = functional.kl_div((tag_logits.float() / warmth).log_softmax(-1), (expected / warmth).softmax(-1),
                                       reduction="batchmean")
        return self.config.teacher.weight * warmth**2 * divergence

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Adds the parts of the last loss to each log line."""
        super().log({**logs, **self._parts} if "loss" in logs else logs, *args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Dev scores, under the names the trainer expects."""
        assert self.score is not None
        training = self.model.training
        self.model.eval()
        with self._average.applied() if self._average else nullcontext():
            scores = {f"eval_{name}": value for name, value in self.score().items()}
        self.model.train(training)
        self.log(scores)
        # Tells the trainer that dev is scored at this step, so that the end of training does not score it again.
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, scores)
        return scores

    def keep_average(self) -> None:
        """Give the model the averaged weights, where they are asked for: what is scored and saved after training."""
        if self._average:
            self._average.keep()

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self._average and self.args.should_save:
            self._average.save(Path(output_dir))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if self._average and checkpoint is not None:
            self._average.load(Path(checkpoint))


def training_arguments(config: TrainConfig, *, steps_per_epoch: int, bf16: bool) -> TrainingArguments:
    """The trainer's arguments for one pass over the stream (which holds every epoch)."""
    options = config.optimiser
    total = steps_per_epoch * options.epochs // options.gradient_accumulation
    return TrainingArguments(
        output_dir=str(checkpoint_folder(config)), num_train_epochs=1, per_device_train_batch_size=1,
        gradient_accumulation_steps=options.gradient_accumulation, learning_rate=options.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=round(options.warmup_share * total),
        max_grad_norm=options.max_grad_norm, bf16=bf16, use_cpu=not torch.cuda.is_available(), seed=config.seed,
        remove_unused_columns=False,
        logging_steps=max(1, min(20, total // 10)), save_strategy="steps", save_steps=config.save_every,
        save_total_limit=2, eval_strategy="steps" if config.data.dev else "no",
        eval_steps=max(1, config.evaluate_every * steps_per_epoch // options.gradient_accumulation),
        report_to=[], dataloader_num_workers=0, dataloader_pin_memory=torch.cuda.is_available(),
        ddp_find_unused_parameters=False, label_names=[],
    )


def checkpoint_folder(config: TrainConfig) -> Path:
    """Where the checkpoints of an unfinished run lie."""
    return config.run_folder / "checkpoints"


def last_complete_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; one that a kill cut short is passed over.

    ``trainer_state.json`` is the last file that a checkpoint gets.
    """
    for path in sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            continue  # half-written: the one before it is whole
        return path
    return None
