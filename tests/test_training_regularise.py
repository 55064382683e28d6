"""Options of fine-tuning: each does what its paper says, changes nothing when it is off, and survives a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from data.article import Article, write_jsonl
from data.errors import ModelError
from data.schema import Schema, restrict
from models.inputs import Batch, TextEncoder, tag_targets
from models.signing import SigningModel
from training.config import TrainConfig, load_config
from training.regularise import WeightAverage, perturbed
from training.train import build_model, make_stream, read_material, train
from training.trainer import SigningTrainer, training_arguments


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory, seeds: list[Article]) -> Path:
    """The head of a seed article, without relations: what is at stake here is the update."""
    path = tmp_path_factory.mktemp("gold") / "one.jsonl"
    kept = tuple(e for e in seeds[1].entities if e.char_end <= 200)
    write_jsonl(path, [replace(seeds[1], id=f"a{i}", text=seeds[1].text[:200], entities=kept, relations=(), events=(), clusters=())
                       for i in range(3)])
    return path


@pytest.fixture
def configure(tmp_path: Path, gold: Path, tiny_encoder: Path) -> Callable[..., TrainConfig]:
    """``configs/ci.yaml`` made tiny, as it comes or with overrides: six updates, one article each."""

    def make(*overrides: str, name: str = "t") -> TrainConfig:
        return load_config("configs/ci.yaml", [
            f"name={name}", f"encoder={tiny_encoder}", f"data.train=[{gold}]", f"runs={tmp_path}", "save_every=2", "hints=false",
            "windows.max_tokens=64", "windows.overlap_tokens=16", "optimiser.batch_tokens=64", "optimiser.epochs=2",
            *(f"augment.{kind}=0" for kind in ("substitute", "titles", "lists", "reorder", "furniture", "noise", "spacing", "traditional")),
            *overrides])

    return make


def make_trainer(config: TrainConfig) -> tuple[SigningTrainer, list[dict[str, Any]]]:
    """A trainer that is ready to step, and its batches."""
    material = read_material(config)
    model, tokenizer = build_model(config, material.schema)
    encoder = TextEncoder(tokenizer=tokenizer, schema=material.schema, max_tokens=64, overlap_tokens=16)
    stream = make_stream(config, material, encoder)
    trainer = SigningTrainer(config=config, model=model, stream=stream, score=None,
                             args=training_arguments(config, steps_per_epoch=3, bf16=False))
    return trainer, [stream[i] for i in range(len(stream))]


def gradients(trainer: SigningTrainer, row: dict[str, Any], *, seed: int = 1) -> dict[str, torch.Tensor]:
    trainer.model.zero_grad()
    trainer.current_gradient_accumulation_steps = trainer.args.gradient_accumulation_steps  # as the training loop does
    torch.manual_seed(seed)
    trainer.training_step(trainer.model, row)
    return {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None}


def without_dropout(trainer: SigningTrainer) -> None:
    for module in trainer.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


# --- averaged weights


def test_the_average_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    average = WeightAverage(model, 0.2)
    expected = 1.0
    for step, value in enumerate((3.0, -2.0, 5.0), start=1):
        nn.init.constant_(model.weight, value)
        average.on_step_end(None, SimpleNamespace(global_step=step), None)  # type: ignore[arg-type]
        decay = (2 / 11, 0.2, 0.2)[step - 1]  # (1 + 1) / (10 + 1) is below 0.2, 3 / 12 is not
        expected = decay * expected + (1 - decay) * value
    with average.applied():
        assert model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert model.weight.item() == 5.0
    average.keep()
    assert model.weight.item() == pytest.approx(expected, rel=1e-6)


def test_the_average_comes_back_whole_from_a_checkpoint(tmp_path: Path) -> None:
    model = nn.Linear(2, 3)
    average = WeightAverage(model, 0.9)
    average.save(tmp_path)
    saved = model.weight.detach().clone()
    nn.init.zeros_(model.weight)
    other = WeightAverage(model, 0.9)
    other.load(tmp_path)
    other.keep()
    assert torch.equal(model.weight, saved)
    with pytest.raises(ModelError, match="another model"):
        WeightAverage(nn.Linear(2, 3, bias=False), 0.9).load(tmp_path)
    with pytest.raises(ModelError, match="without averaged weights"):
        other.load(tmp_path / "none")


def test_dev_is_scored_with_the_averaged_weights(configure: Callable[..., TrainConfig]) -> None:
    trainer, _ = make_trainer(configure("regularise.weight_average=0.5"))
    assert trainer._average is not None
    bias, seen = trainer.model.classifier.bias, []
    trainer.score = lambda: seen.append(bias.detach().clone()) or {"entity_f1": 0.0}  # type: ignore[func-returns-value]
    averaged = bias.detach().clone()
    nn.init.constant_(bias, 7.0)
    trainer.evaluate()
    assert torch.equal(seen[0], averaged) and (bias == 7.0).all()


def test_the_averaged_weights_are_what_training_leaves(configure: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    config = configure("regularise.weight_average=0.6")
    real, seen = WeightAverage.update, []

    def watched(self: WeightAverage, step: int) -> None:
        seen.append((step, self._weights["classifier.bias"].detach().clone()))
        real(self, step)

    monkeypatch.setattr(WeightAverage, "update", watched)
    material = read_material(config)
    expected = build_model(config, material.schema)[0].classifier.bias.detach().clone()
    model = train(config, material, resume=False)[0]
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5, 6]
    for step, weight in seen:
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(model.classifier.bias.detach(), expected)
    assert not torch.allclose(model.classifier.bias, seen[-1][1])


# --- adversarial embeddings


def test_the_step_has_the_length_and_direction_asked_for_and_is_taken_back() -> None:
    weight = nn.Parameter(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)))
    before = weight.detach().clone()
    with perturbed(weight, 0.5):
        assert torch.equal(weight, before)  # no gradient yet
    weight.grad = torch.zeros_like(weight)
    weight.grad[2] = torch.tensor([3.0, 0.0, 0.0, -4.0])
    with pytest.raises(KeyError), perturbed(weight, 0.5):
        moved = weight.detach() - before
        raise KeyError
    torch.testing.assert_close(moved[2], 0.5 * torch.tensor([0.6, 0.0, 0.0, -0.8]))
    assert (moved[[0, 1, 3, 4, 5]] == 0).all() and torch.equal(weight, before)
    weight.grad[0] = float("nan")
    with perturbed(weight, 0.5):
        assert torch.equal(weight, before)


def test_fgm_adds_the_gradient_of_the_perturbed_text(configure: Callable[..., TrainConfig]) -> None:
    plain, rows = make_trainer(configure())
    adversarial, _ = make_trainer(configure("regularise.fgm=0.3"))
    without_dropout(plain)
    without_dropout(adversarial)
    weight = plain.model.bert.embeddings.word_embeddings.weight
    first = gradients(plain, rows[0])
    parts = dict(plain._parts)
    with torch.no_grad():
        weight += 0.3 * weight.grad / weight.grad.norm()
    second = gradients(plain, rows[0])
    assert plain._parts["tag_loss"] > parts["tag_loss"]  # the step hurts
    found = gradients(adversarial, rows[0])
    assert adversarial._parts == parts
    for name in first:
        torch.testing.assert_close(found[name], first[name] + second[name], atol=1e-5, rtol=1e-4)


# --- dropout


@pytest.fixture
def batch(tokenizer: Any, hospital: Schema, seeds: list[Article]) -> Batch:
    encoder = TextEncoder(tokenizer=tokenizer, schema=hospital, max_tokens=64, overlap_tokens=16)
    return encoder.batch([encoder.encode(restrict(seeds[1], hospital))])


def test_several_dropout_masks_are_averaged(make_model: Callable[..., SigningModel], hospital: Schema, batch: Batch) -> None:
    model = make_model(hospital)
    states = model.merged_states(batch).detach()
    model.merged_states = lambda _: states  # type: ignore[method-assign, assignment]
    model.train()
    torch.manual_seed(5)
    masked = [model.classifier(model.dropout(states)) for _ in range(3)]
    torch.manual_seed(5)
    output = model.joint(batch, with_loss=True, dropout_samples=3)
    assert output.tag_loss is not None
    targets = tag_targets(batch.articles)
    losses = [torch.nn.functional.cross_entropy(logits, targets).item() for logits in masked]
    assert len(set(losses)) == 3 and output.tag_loss.item() == pytest.approx(sum(losses) / 3, rel=1e-5)
    torch.testing.assert_close(output.tag_logits, torch.stack(masked).mean(dim=0))
    model.eval()
    assert torch.equal(model.joint(batch, with_loss=True, dropout_samples=3).tag_logits, model.classifier(states))


def test_dropout_inside_the_encoder(configure: Callable[..., TrainConfig], hospital: Schema) -> None:
    as_it_is, _ = build_model(configure(), hospital)
    changed, _ = build_model(configure("regularise.encoder_dropout=0.25"), hospital)
    rates = {name: module.p for name, module in changed.bert.named_modules() if isinstance(module, nn.Dropout)}
    assert rates and set(rates.values()) == {0.25}
    assert changed.bert.encoder.layer[0].attention.self.config.attention_probs_dropout_prob == 0.25
    assert changed.dropout.p == as_it_is.dropout.p == 0.1 and as_it_is.config.hidden_dropout_prob == 0.0


# --- all of it


@pytest.mark.parametrize(("options", "passes"), [([], 1), (["regularise.fgm=0.5"], 2)])
def test_what_is_off_costs_nothing(configure: Callable[..., TrainConfig], options: list[str], passes: int) -> None:
    trainer, rows = make_trainer(configure(*options))
    calls: list[None] = []
    trainer.model.bert.register_forward_pre_hook(lambda *_: calls.append(None))
    gradients(trainer, rows[0])
    assert len(calls) == passes
    assert trainer._average is None and trainer.model.crf is None


def test_gradients_of_accumulated_batches_are_a_mean(configure: Callable[..., TrainConfig]) -> None:
    whole, rows = make_trainer(configure())
    halves, _ = make_trainer(configure("optimiser.gradient_accumulation=2"))
    one, two = gradients(whole, rows[0]), gradients(halves, rows[0])
    for name in one:
        torch.testing.assert_close(two[name], one[name] / 2, msg=name)


def test_the_rates_half_way(configure: Callable[..., TrainConfig]) -> None:
    trainer, _ = make_trainer(configure("optimiser.warmup_share=0.0", "optimiser.learning_rate=0.004", "optimiser.head_learning_rate=0.3",
                                        "optimiser.weight_decay=0.1"))
    trainer.create_optimizer_and_scheduler(num_training_steps=6)
    assert trainer.optimizer is not None and trainer.lr_scheduler is not None
    for _ in range(3):
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    group_of = {id(p): g for g in trainer.optimizer.param_groups for p in g["params"]}
    assert len(group_of) == len(list(trainer.model.parameters()))
    for name, parameter in trainer.model.named_parameters():
        wanted = 0.3 if name.startswith(("classifier", "relation_head")) else 0.004
        assert group_of[id(parameter)]["lr"] == pytest.approx(wanted / 2), name
        assert group_of[id(parameter)]["weight_decay"] == (0.0 if name.endswith("bias") or "LayerNorm" in name else 0.1), name


class Killed(BaseException):
    """Nothing catches it: the training ends where it stands."""


# As many at once as go together: a training has a fixed cost. What each does by itself is tested above and beside its model.
OPTIONS = {
    "CRF, dropout": ["tagger.kind=crf", "regularise.dropout_samples=2", "regularise.encoder_dropout=0.1"],
    "weight average, FGM": ["regularise.weight_average=0.9", "regularise.fgm=0.5"],
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_each_option_resumes_to_the_very_same_weights(
    configure: Callable[..., TrainConfig], options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    config = configure(*options, name="whole")
    material = read_material(config)
    whole = train(config, material, resume=False)[0].state_dict()
    broken = configure(*options, name="broken")
    step, calls = SigningTrainer.training_step, [0]

    def killing(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls[0] += 1
        if calls[0] == 6:
            raise Killed
        return step(*args, **kwargs)

    monkeypatch.setattr(SigningTrainer, "training_step", killing)
    with pytest.raises(Killed):
        train(broken, material, resume=False)
    monkeypatch.undo()
    resumed, _, cost = train(broken, material, resume=True)
    assert cost["resumed_from"] == "checkpoint-4" and cost["steps"] == 6
    again = resumed.state_dict()
    assert [k for k, v in whole.items() if not torch.equal(v, again[k])] == []
