"""The real annotation server for the journey tests: started on a free port, with a data folder of its own, and people in it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("LS_VENV", ".venv-label-studio")
MISSING = "" if (VENV / ".ready").exists() else f"no annotation server in {VENV.name}: make label-studio-env"
PASSWORD = "three-plain-words"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody signed up on the server: a browser session's client, and the personal access token made in it."""

    email: str
    token: str
    client: httpx.Client


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a server that lives as long as the block. The first start on a machine makes the tables, which takes a minute
    or two; they are kept beside the server's environment for the next."""
    template = VENV / "empty.sqlite3"
    if not template.exists():
        with _started(folder / "first"):
            pass
        made = template.with_suffix(f".{os.getpid()}.tmp")  # another worker may be at it too
        shutil.copy(folder / "first/label_studio.sqlite3", made)
        os.replace(made, template)
    (folder / "data").mkdir(parents=True)
    shutil.copy(template, folder / "data/label_studio.sqlite3")
    with _started(folder / "data") as url:
        yield url


@contextmanager
def _started(data: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LABEL_STUDIO_")}
    with (data / "server.log").open("wb") as log:
        process = subprocess.Popen([ROOT / "data/label_studio/start_server"], stdout=log, stderr=log, start_new_session=True, env={
            **environment, "LS_VENV": str(VENV), "LS_DATA": str(data), "LS_PORT": str(port)})
    url, ends = f"http://127.0.0.1:{port}", time.monotonic() + 400
    try:
        while time.monotonic() < ends:
            assert process.poll() is None, (data / "server.log").read_text(errors="replace")[-3000:]
            try:
                if httpx.get(f"{url}/api/version", timeout=5).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.3)
        else:
            raise AssertionError("the server did not come up:\n" + (data / "server.log").read_text(errors="replace")[-3000:])
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def sign_up(url: str, email: str) -> Person:
    """Sign up as a person does, and make a personal access token."""
    client = httpx.Client(base_url=url, timeout=60, follow_redirects=True)
    client.get("/user/signup/")
    said = client.post("/user/signup/", data={"email": email, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]},
                       headers={"Referer": url})
    assert said.is_success and "/user/signup" not in str(said.url), said.text[-2000:]
    made = client.post("/api/token/", headers={"X-CSRFToken": client.cookies["csrftoken"], "Referer": url})
    assert made.is_success, made.text
    client.headers.update({"X-CSRFToken": client.cookies["csrftoken"], "Referer": url})
    return Person(email=email, token=str(made.json()["token"]), client=client)


def project_of(person: Person, title: str) -> int:
    """The number of the project of that title."""
    return next(int(p["id"]) for p in person.client.get("/api/projects/").json()["results"] if p["title"] == title)


def tasks_of(person: Person, title: str) -> dict[str, dict[str, Any]]:
    """The project's tasks with predictions and annotations, by article id."""
    project = project_of(person, title)
    found = person.client.get("/api/tasks/", params={"project": project, "fields": "all", "page_size": 100}).json()["tasks"]
    return {task["data"]["id"]: {**task, "project": project} for task in found}


def submit(person: Person, task: dict[str, Any], result: list[dict[str, Any]], **more: Any) -> None:
    """What the button Submit sends, of a task whose first pre-annotation was shown."""
    said = person.client.post(f"/api/tasks/{task['id']}/annotations/", json={
        "result": result, "parent_prediction": task["predictions"][0]["id"] if task["predictions"] else None, **more})
    assert said.status_code == 201, said.text
