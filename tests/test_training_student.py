"""The smaller sibling: fewer layers, and a loss towards a finished run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data.article import Article
from data.errors import UsageError
from data.schema import load_schema
from models.document import Predictor
from training.config import TeacherConfig, TrainConfig, load_config
from training.train import build_model, load_teacher
from training.trainer import SigningTrainer


@pytest.fixture
def config(tiny_encoder: Path, run_folder: Path) -> TrainConfig:
    shipped = load_config("configs/student.yaml")
    assert shipped.teacher is not None and shipped.layers == 2
    return shipped.model_copy(update={"encoder": str(tiny_encoder), "layers": 1,
                                      "teacher": TeacherConfig(run=str(run_folder))})


def test_the_first_layers_are_kept() -> None:
    config = load_config("configs/student.yaml")
    student, _ = build_model(config, load_schema(config.label_schema))
    whole, _ = build_model(config.model_copy(update={"layers": None}), load_schema(config.label_schema))
    assert len(student.bert.encoder.layer) == 2 and student.config.num_hidden_layers == 2
    for kept, own in zip(student.bert.encoder.layer.parameters(), whole.bert.encoder.layer[:2].parameters(), strict=True):
        assert torch.equal(kept, own)


def test_more_layers_than_there_are_is_said(config: TrainConfig) -> None:
    with pytest.raises(UsageError, match="has 1 layers, asked for 3"):
        build_model(config.model_copy(update={"layers": 3}), load_schema(config.label_schema))


def test_the_teacher_pulls_the_student_and_stays_as_it_is(config: TrainConfig, predictor: Predictor) -> None:
    student, _ = build_model(config, predictor.encoder.schema)
    teacher = load_teacher(config, student)
    assert teacher is not None and not any(p.requires_grad for p in teacher.parameters())
    trainer = SigningTrainer.__new__(SigningTrainer)
    trainer.config, trainer.teacher = config, teacher
    batch = predictor.encoder.batch([predictor.encoder.encode(Article(id="a", text="甲医院与乙医院签约。"))])
    own = teacher.joint(batch).tag_logits
    assert float(trainer._from_teacher(batch, own)) == pytest.approx(0.0, abs=1e-5)
    logits = student.joint(batch).tag_logits
    distance = trainer._from_teacher(batch, logits)
    distance.backward()
    assert float(distance.detach()) > 0 and student.classifier.weight.grad is not None
    # Scores on their way to the teacher's are nearer.
    assert float(trainer._from_teacher(batch, (logits + own).detach() / 2)) < float(distance.detach())
