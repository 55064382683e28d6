"""push against a small stand-in server that fails on purpose: what the real one does not do when asked."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from label_studio_stand_in import TOKEN, StandIn

from data.article import Article, Entity, Relation, write_jsonl
from data.errors import UsageError
from data.formats.base import Ledger
from data.label_studio.__main__ import main
from data.label_studio.client import Server, ServerError, read_token
from data.label_studio.config import labelling_config
from data.label_studio.export import download_export
from data.label_studio.push import push
from data.schema import Schema


@pytest.fixture
def stand_in(parties: Schema) -> Iterator[StandIn]:
    with StandIn(labelling_config(parties)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def connect(stand_in: StandIn, attempts: int = 4) -> Server:
    return Server(stand_in.url, TOKEN, attempts=attempts, timeout_s=5, wait_seconds=0.01)


def predicted(number: int, *, model: str | None = "m1", score: float = 0.9) -> Article:
    text = f"第{number}号：甲院和乙院签约"
    start = text.index("甲")
    return Article(id=f"a-{number}", text=text, model=model, published="2024-05-01", entities=(
        Entity(id="T1", char_start=start, char_end=start + 2, label="HOSPITAL", text="甲院", score=score),
        Entity(id="T2", char_start=start + 3, char_end=start + 5, label="HOSPITAL", text="乙院", score=score)),
        relations=(Relation(type="SIGNED_WITH", head="T1", tail="T2", score=score),))


def test_new_tasks_then_nothing_then_new_predictions(stand_in: StandIn, parties: Schema) -> None:
    server, ledger = connect(stand_in), Ledger(source="x")
    articles = [predicted(n) for n in range(7)]
    assert push(server, "hospitals", articles, parties, ledger, batch=3)["new tasks"] == 7
    assert stand_in.seen.count("POST /api/projects/1/import") == 3
    assert stand_in.tasks[0]["data"]["id"] == "a-0" and len(stand_in.tasks[0]["data"]["text_sha256"]) == 64
    prediction = stand_in.predictions[0]
    assert prediction["model_version"] == "m1" and prediction["score"] == 0.9
    assert prediction["result"][2] == {"type": "relation", "from_id": "T1", "to_id": "T2", "direction": "bi", "labels": ["SIGNED_WITH"], "score": 0.9}
    done = push(server, "1", articles, parties, ledger)
    assert done == {"new tasks": 0, "tasks already there": 7, "pre-annotations that were there": 7}
    assert push(server, "1", [predicted(1, model="m2")], parties, ledger)["pre-annotations added"] == 1
    assert push(server, "1", [predicted(1, score=0.5)], parties, ledger)["pre-annotations replaced"] == 1
    assert [(p["task"], p["model_version"], p["score"]) for p in stand_in.predictions if p["task"] == 2] == [(2, "m1", 0.5), (2, "m2", 0.9)]
    assert len(stand_in.tasks) == 7 and len(stand_in.predictions) == 8 and not ledger.faults


def test_failures_are_tried_again(stand_in: StandIn, parties: Schema) -> None:
    server = connect(stand_in)
    stand_in.failures = {"GET /api/tasks": [429, 503], "POST /api/projects/1/import": [502, 500, 429]}
    done = push(server, "1", [predicted(1)], parties, Ledger(source="x"))
    assert done["requests tried again"] == 5 and len(stand_in.tasks) == 1


def test_a_server_that_does_not_answer_is_asked_again_and_then_told_of(stand_in: StandIn, parties: Schema) -> None:
    server = Server(stand_in.url, TOKEN, attempts=3, timeout_s=0.3, wait_seconds=0.01)
    stand_in.silent = [0.6, 0.6]
    assert push(server, "1", [predicted(1)], parties, Ledger(source="x")) == {
        "new tasks": 1, "tasks already there": 0, "requests tried again": 2}
    stand_in.silent = [0.6] * 3
    with pytest.raises(ServerError, match="no answer in time") as told:
        push(server, "1", [predicted(1)], parties, Ledger(source="x"))
    assert "--timeout" in str(told.value) and len(stand_in.tasks) == 1


@pytest.mark.parametrize("what", ["import", "prediction"])
def test_a_request_that_arrived_though_it_failed_is_not_doubled(stand_in: StandIn, parties: Schema, what: str) -> None:
    server, articles = connect(stand_in), [predicted(n) for n in range(5)]
    stand_in.late = True
    if what == "import":
        stand_in.failures = {"POST /api/projects/1/import": [504, 504]}
    else:
        push(server, "1", articles, parties, Ledger(source="x"))
        articles = [predicted(n, model="m2") for n in range(5)]
        stand_in.failures = {"POST /api/predictions": [504]}
    push(server, "1", articles, parties, Ledger(source="x"), batch=2)
    assert len(stand_in.tasks) == 5 and len(stand_in.predictions) == (5 if what == "import" else 10)


def test_a_refusal_is_told_at_once_and_persistent_failure_at_last(stand_in: StandIn, parties: Schema) -> None:
    server = connect(stand_in)
    stand_in.failures = {"POST /api/projects/1/import": [400]}
    with pytest.raises(ServerError, match="answers 400: not now"):
        push(server, "1", [predicted(1)], parties, Ledger(source="x"))
    assert stand_in.seen.count("POST /api/projects/1/import") == 1
    stand_in.failures = {"POST /api/projects/1/import": [503] * 9}
    with pytest.raises(ServerError, match="answers 503") as told:
        push(server, "1", [predicted(1)], parties, Ledger(source="x"))
    assert stand_in.seen.count("POST /api/projects/1/import") == 5 and "try again later" in str(told.value)


def test_one_task_that_the_server_refuses_does_not_cost_the_others(stand_in: StandIn, parties: Schema) -> None:
    server, ledger = connect(stand_in), Ledger(source="x")
    stand_in.refused_ids = {"a-1", "a-4"}
    assert push(server, "1", [predicted(n) for n in range(7)], parties, ledger, batch=3)["new tasks"] == 5
    assert [t["data"]["id"] for t in stand_in.tasks] == ["a-0", "a-2", "a-3", "a-5", "a-6"]
    assert [(f.place, "answers 400" in f.reason) for f in ledger.faults] == [("a-1", True), ("a-4", True)]
    stand_in.failures = {"POST /api/predictions": [400]}
    assert push(server, "1", [predicted(n, model="m2") for n in (0, 2)], parties, ledger)["pre-annotations added"] == 1
    assert ledger.faults[-1].place == "a-0"
    stand_in.refused_ids = {f"b-{n}" for n in range(7)}
    with pytest.raises(ServerError, match="answers 400"):  # nothing gets through: the fault is not the tasks'
        push(server, "1", [replace(predicted(n), id=f"b-{n}", text=f"另{predicted(n).text}", entities=(), relations=()) for n in range(7)], parties, ledger)
    assert stand_in.seen.count("POST /api/projects/1/import") < 20


def test_texts_and_ids_that_clash_are_told_and_nothing_is_overwritten(stand_in: StandIn, parties: Schema) -> None:
    server, ledger = connect(stand_in), Ledger(source="x")
    push(server, "1", [predicted(1)], parties, ledger)
    one, two = predicted(1), predicted(2)
    changed = Article(id="a-1", text="别的文字", model="m1")
    renamed = Article(id="b-1", text=one.text, model="m1")
    done = push(server, "1", [changed, renamed, two, two, Article(id="a-2", text="又一个", model="m"), Article(id="e", text=" \n", model="m")], parties, ledger)
    assert done["new tasks"] == 1 and len(stand_in.tasks) == 2
    reasons = {f.place: f.reason for f in ledger.faults}
    assert "another text" in reasons["a-1"] and "under the id a-1" in reasons["b-1"] and "another text" in reasons["a-2"] and "no task" in reasons["e"]
    assert ledger.counts == {"articles that stand twice in the input": 1}


def test_gold_bare_and_foreign_labels(stand_in: StandIn, parties: Schema, hospital: Schema) -> None:
    from data.label_studio.tasks import build_tasks, interface_of

    interface = interface_of(labelling_config(hospital), hospital, place="x")
    ledger = Ledger(source="x")
    org = Article(id="o", text="卫健委来了", model="m", entities=(Entity(id="T1", char_start=0, char_end=3, label="ORG", text="卫健委"),))
    wrong = Article(id="w", text="甲院", model="m", entities=(Entity(id="T1", char_start=0, char_end=2, label="HOSPITAL", text="乙院"),))
    gold, bare, foreign, mended = build_tasks([predicted(1, model=None), Article(id="b", text="短讯"), org, wrong], hospital, interface, ledger)
    assert len(gold["annotations"]) == 1 and not gold["predictions"]
    assert bare["annotations"] == bare["predictions"] == [] and bare["data"]["published"] == ""
    assert foreign["predictions"][0]["result"] == [] and ledger.counts == {"entity:ORG": 1}
    assert mended["predictions"][0]["result"] == [] and [f.place for f in ledger.faults] == ["w"]
    scored = Article(**{**vars(predicted(3)), "relations": (Relation(type="SIGNED_WITH", head="T1", tail="T2", score=7.0),)})
    assert build_tasks([scored], hospital, interface, ledger) == [] and "SDK refuses" in ledger.faults[-1].reason


def test_wrong_token_project_version_and_address(stand_in: StandIn, parties: Schema, tmp_path: Path, call, monkeypatch: pytest.MonkeyPatch,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    """Every message is clear, and none of them, nor any log line, holds a token."""
    caplog.set_level(logging.DEBUG)
    write_jsonl(tmp_path / "a.jsonl", [predicted(1)])
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "wrong").write_text("deadbeef" * 5)
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    heard = []

    def say(code: int, *expected: str, token: str | None = "token", project: str = "hospitals", url: str | None = None, extra: tuple[str, ...] = ()) -> None:
        said = call(main, "push", tmp_path / "a.jsonl", "--project", project, "--url", url or stand_in.url, "--attempts", 1,
                    *(["--token-file", tmp_path / token] if token else []), *extra)
        assert said.code == code and "Traceback" not in said.err and all(part in said.err + said.out for part in expected), said.err
        heard.append(said.out + said.err)

    say(0, "1 new tasks")
    say(2, "no access token", "export LABEL_STUDIO_API_KEY", token=None)
    say(2, "cannot be read", token="none")
    say(1, "refuses the token", "Access Token", token="wrong")
    say(1, "no project '77'", "1 (hospitals)", "--create", project="77")
    say(0, "new one: ", project="new one", extra=("--create",))
    assert stand_in.projects[-1]["title"] == "new one" and "SIGNED_WITH" in stand_in.projects[-1]["label_config"]
    say(1, "cannot be reached", "make label-studio", url="http://127.0.0.1:1")
    say(2, "expected an address", url="ftp://x")
    say(2, "never given on the command line", extra=("--token", TOKEN))
    say(2, "never given on the command line", extra=("--token=" + TOKEN,))
    stand_in.release = "1.9.1"
    say(1, "expected Label Studio 1.20 or newer, found 1.9.1")
    stand_in.release = "no"
    say(1, "expected a Label Studio server, found something else")
    stand_in.release = "1.23"
    stand_in.projects[0]["label_config"] = "<View/>"
    say(2, "project 1", "does not fit")
    stand_in.projects.append({"id": 9, "title": "hospitals", "label_config": ""})
    say(2, "several projects", "--project 1")
    everything = "".join(heard) + caplog.text + "".join(p.read_text() for p in tmp_path.rglob("*.json*"))
    assert TOKEN not in everything and "deadbeef" not in everything
    assert any("127.0.0.1" in r.getMessage() for r in caplog.records), "the logs were heard"


def test_a_token_in_the_place_of_its_file_is_not_repeated(call, tmp_path: Path) -> None:
    said = call(main, "pull", "--project", "1", "--output", tmp_path / "o.jsonl", "--token-file", TOKEN)
    assert said.code == 2 and TOKEN not in said.err + said.out
    (tmp_path / "two").write_text("a b")
    with pytest.raises(UsageError, match="one token"):
        read_token(tmp_path / "two")


def test_to_a_file_without_any_server(tmp_path: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    (tmp_path / "a.jsonl").write_text("{broken\n", encoding="utf-8")
    write_jsonl(tmp_path / "b.jsonl", [predicted(1)])
    said = call(main, "push", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--to", tmp_path / "t.json", "--model-version", "v7")
    assert said.code == 0 and "1 tasks written" in said.out and "no valid JSON" in said.err
    task, = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert task["data"]["text"] == predicted(1).text and task["predictions"][0]["model_version"] == "v7"
    assert call(main, "push", tmp_path / "a.jsonl", "--to", tmp_path / "none.json").code == 1 and not (tmp_path / "none.json").exists()
    assert call(main, "push", tmp_path / "missing.jsonl", "--to", tmp_path / "none.json").code == 1


def test_the_snapshot_is_polled_kept_and_checked(stand_in: StandIn, tmp_path: Path) -> None:
    import hashlib

    server, packed = connect(stand_in), "[{\"data\": \"甲\"}]".encode()
    stand_in.export = (["created", "in_progress", "completed"], packed, hashlib.md5(packed).hexdigest())
    stand_in.failures = {"GET /api/projects/1/exports/5": [503]}
    assert download_export(server, 1, tmp_path / "raw.json", pause_s=0.01) == len(packed)
    assert (tmp_path / "raw.json").read_bytes() == packed and stand_in.seen[-1] == "DELETE /api/projects/1/exports/5"
    stand_in.export = (["completed"], packed, "0" * 32)
    with pytest.raises(ServerError, match="damaged"):
        download_export(server, 1, tmp_path / "damaged.json", pause_s=0.01)
    assert (tmp_path / "damaged.json").read_bytes() == packed
    for state, message in ((["failed"], "could not make"), (["in_progress"], "still in_progress")):
        stand_in.export = (state, packed, "")
        with pytest.raises(ServerError, match=message):
            download_export(server, 1, tmp_path / "none.json", patience_s=0.05, pause_s=0.01)
    assert not (tmp_path / "none.json").exists()
