"""The ML backend over real HTTP: the same spans as batch inference, and sane answers to bad requests."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from data.article import Article
from data.formats.base import Ledger
from data.formats.label_studio import task_to_article
from models.document import Predictor
from models.extractor import Extractor
from models.serve import MAX_BODY_BYTES, Backend, main, make_server

TOKEN = "not-to-be-logged-0123456789"
Send = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def server(predictor: Predictor) -> Iterator[ThreadingHTTPServer]:
    server = make_server(Backend(Extractor(predictor), version="untrained"), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture
def send(server: ThreadingHTTPServer) -> Iterator[Send]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=60)

    def request(method: str, path: str, body: object = None, *, raw: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        payload = raw if raw is not None else None if body is None else json.dumps(body).encode()
        connection.request(method, path, payload, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    yield request
    connection.close()


def test_health_and_setup(send: Send, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = send("GET", "/health")
    assert status == 200 and said["status"] == "UP"
    request = {"project": "1.1", "schema": "<View/>", "hostname": "http://127.0.0.1:8080", "access_token": TOKEN}
    assert send("POST", "/setup", request) == (200, {"model_version": "untrained"})
    assert send("GET", "/versions")[1] == {"versions": ["untrained"]}
    out, err = capfd.readouterr()
    assert TOKEN not in out + err and "POST /setup 200" in err


def test_predict_says_what_batch_inference_says(send: Send, predictor: Predictor) -> None:
    text = "😀2024年11月8日，威海市中醫(yī)院与山东省立医院\r\n签署协议，院长张三出席。"
    tasks = [{"id": 7, "data": {"id": "a", "text": text, "published": "2024-11-09", "publisher": ""}},
             {"id": 8, "data": {"image": "x.png"}}, {"id": 9, "data": {"id": "a", "text": ""}}]
    status, said = send("POST", "/predict", {"tasks": tasks, "project": "1.1", "params": {"login": None}})
    assert status == 200 and len(said["results"]) == 3
    [expected] = Extractor(predictor).extract_all([Article(id="0", text=text, published="2024-11-09")])
    found = task_to_article({"data": {"id": "0", "text": text}, "annotations": [], "predictions": said["results"][:1]}, Ledger(source="x"))
    assert found is not None and expected.entities
    assert (found.entities, found.relations) == (expected.entities, expected.relations)
    assert [r["result"] for r in said["results"][1:]] == [[], []]
    drawn = {label: i["direction"] for i in said["results"][0]["result"] if i["type"] == "relation" for label in i["labels"]}
    assert drawn.pop("SIGNED_WITH") == "bi" and set(drawn.values()) == {"right"}, "drawn as push draws them"
    assert {r["model_version"] for r in said["results"]} == {"untrained"}


@pytest.mark.parametrize(("method", "path", "raw", "status"), [
    ("GET", "/nothing", None, 404), ("POST", "/nothing", b"{}", 404), ("POST", "/predict", b"{", 400),
    ("POST", "/predict", b"[]", 400), ("POST", "/predict", b"{}", 400), ("POST", "/predict", b"[" * 100_000, 400),
    ("POST", "/webhook", b"{}", 200)])
def test_bad_requests_are_refused_in_words_and_the_next_is_served(send: Send, method: str, path: str, raw: bytes | None, status: int) -> None:
    answer, said = send(method, path, raw=raw)
    assert answer == status and ("error" in said) == (status >= 400)
    assert send("GET", "/health")[0] == 200


def test_a_body_too_large_is_not_read(send: Send) -> None:
    assert send("POST", "/predict", raw=b"", headers={"Content-Length": str(MAX_BODY_BYTES + 1)})[0] == 413


def test_two_annotators_at_once(server: ThreadingHTTPServer) -> None:
    body = json.dumps({"tasks": [{"data": {"text": "山东省立医院院长张三。" * 5}}]})
    answers: list[bytes] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(*server.server_address[:2], timeout=60)
        connection.request("POST", "/predict", body)
        answers.append(connection.getresponse().read())
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and len(set(answers)) == 1


def test_a_port_in_use_is_wrong_usage(server: ThreadingHTTPServer, run_folder: Path, call: Callable[..., Any]) -> None:
    said = call(main, "--label-studio", "--model", run_folder, "--port", server.server_address[1])
    assert said.code == 2 and "cannot listen" in said.err
    assert call(main, "--model", run_folder).code == 2


@pytest.mark.slow
def test_the_command_listens_on_this_machine_alone(run_folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "models.serve", "--label-studio", "--model", str(run_folder), "--port", "0"],
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        assert process.stderr is not None
        line = next(s for s in process.stderr if "listening" in s)
        found = re.search(r"http://(127\.0\.0\.1):(\d+)", line)
        assert found, line
        connection = http.client.HTTPConnection(found[1], int(found[2]), timeout=60)
        connection.request("GET", "/health")
        assert json.loads(connection.getresponse().read())["status"] == "UP"
        connection.close()
    finally:
        process.terminate()
        process.wait(timeout=30)
        if process.stderr:
            process.stderr.close()
