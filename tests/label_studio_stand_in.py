"""A small stand-in for the annotation server that fails when asked to, which the real one does not."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "f00dfeed" * 5


class StandIn(ThreadingHTTPServer):
    """Projects, tasks and predictions in memory. ``failures`` maps ``METHOD path`` to statuses given before it works;
    ``late`` are those that do their work all the same."""

    daemon_threads = True

    def __init__(self, config: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.release = "1.23.2"
        self.projects = [{"id": 1, "title": "hospitals", "label_config": config}]
        self.tasks: list[dict[str, Any]] = []
        self.predictions: list[dict[str, Any]] = []
        self.failures: dict[str, list[int]] = {}
        self.late = False
        self.silent: list[float] = []  # seconds for which the next answers keep the caller waiting
        self.refused_ids: set[str] = set()  # a request that holds a task of these article ids is refused as a whole
        self.seen: list[str] = []
        self.export = (["created", "in_progress", "completed"], b"[]", "")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.answer("GET")

    def do_POST(self) -> None:
        self.answer("POST")

    def do_PATCH(self) -> None:
        self.answer("PATCH")

    def do_DELETE(self) -> None:
        self.answer("DELETE")

    def answer(self, method: str) -> None:
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = address.path.rstrip("/")
        self.server.seen.append(f"{method} {path}")
        if path != "/api/version" and self.server.silent:
            time.sleep(self.server.silent.pop(0))
        fails = self.server.failures.get(f"{method} {path}") or []
        if path != "/api/version" and self.headers.get("Authorization") != f"Token {TOKEN}":
            return self.say(401, {"detail": f"Invalid token {self.headers.get('Authorization')}"})
        if fails and not self.server.late:
            return self.say(fails.pop(0), {"detail": "not now"})
        status, said = self.work(method, path, parse_qs(address.query), body)
        return self.say(fails.pop(0) if fails else status, said)

    def say(self, status: int, body: Any) -> None:
        packed = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def work(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        it = self.server
        if path == "/api/version":
            return 200, {"release": it.release, "edition": "Community"}
        if path == "/api/current-user/whoami":
            return 200, {"id": 1, "email": "a@example.com"}
        if path == "/api/projects" and method == "POST":
            it.projects.append({"id": len(it.projects) + 1, **body})
            return 201, it.projects[-1]
        if path == "/api/projects":
            return 200, {"count": len(it.projects), "results": it.projects if query.get("page", ["1"]) == ["1"] else []}
        if path == "/api/tasks":
            page, size = int(query["page"][0]), int(query["page_size"][0])
            return 200, {"tasks": it.tasks[(page - 1) * size : page * size], "total": len(it.tasks)}
        if path.endswith("/import") and any(task["data"]["id"] in it.refused_ids for task in body):
            return 400, {"detail": "not this"}
        if path.endswith("/import"):
            for task in body:
                it.tasks.append({"id": len(it.tasks) + 1, "data": task["data"], "meta": task.get("meta")})
                for p in task["predictions"]:
                    it.predictions.append({"id": len(it.predictions) + 1, "task": it.tasks[-1]["id"], **p})
            return 201, {"task_count": len(body)}
        if path == "/api/predictions" and method == "GET":
            return 200, [p for p in it.predictions if str(p["task"]) == query["task"][0]]
        if path == "/api/predictions":
            it.predictions.append({"id": len(it.predictions) + 1, **body})
            return 201, it.predictions[-1]
        if path.startswith("/api/predictions/"):
            it.predictions[int(path.rsplit("/", 1)[1]) - 1].update(body)
            return 200, it.predictions[int(path.rsplit("/", 1)[1]) - 1]
        if path.endswith("/exports"):
            return 201, {"id": 5, "status": "created"}
        if path.endswith("/exports/5"):
            states, _, md5 = it.export
            return 200, {"id": 5, "status": states.pop(0) if len(states) > 1 else states[0], "md5": md5}
        return 200, it.export[1]
