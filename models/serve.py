"""``python -m models.serve --label-studio --model RUN``: pre-annotation while the annotator waits.

Answers the calls that Label Studio makes of an ML backend (https://labelstud.io/guide/ml_create): ``/health``, ``/setup``,
``/predict``. What it finds is what ``models.predict`` finds: both go through :class:`models.extractor.Extractor`.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import EXIT_OK, UsageError, run_command

if TYPE_CHECKING:
    from models.extractor import Extractor

MAX_BODY_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 60  # a connection that sends nothing for so long is closed


class Backend:
    """The answers, apart from HTTP. One prediction at a time: the model already uses every core."""

    def __init__(self, extractor: Extractor, *, version: str) -> None:
        self.extractor, self.version = extractor, version
        self._lock = threading.Lock()

    def health(self) -> dict[str, Any]:
        """Answer of ``GET /health``."""
        return {"status": "UP", "model_class": "Qianyue", "model_version": self.version}

    def setup(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer of ``POST /setup``. The project's token, which Label Studio sends along, is not kept."""
        return {"model_version": self.version}

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer of ``POST /predict``: one result a task, in order; a task without text gets an empty one.

        Raises:
            ValueError: the request holds no list of tasks.
        """
        from data.article import Article
        from data.formats.base import Ledger
        from data.formats.label_studio import article_to_task

        tasks = request.get("tasks")
        if not isinstance(tasks, list):
            raise ValueError("expected an object with a list of tasks")
        articles: dict[int, Article] = {}
        for i, task in enumerate(tasks):
            data = task.get("data") if isinstance(task, dict) else None
            if isinstance(data, dict) and isinstance(data.get("text"), str):
                said = {k: data[k] if isinstance(data.get(k), str) and data[k] else None for k in ("published", "publisher")}
                # The place in the request is a sound id; that of the data may stand twice.
                articles[i] = Article(id=str(i), text=data["text"], published=said["published"], publisher=said["publisher"])
            else:
                print(f"task {i + 1} of the request has no data.text: empty result", file=sys.stderr)
        with self._lock:
            found = dict(zip(articles, self.extractor.extract_all(articles.values()), strict=True))
        results = []
        for i in range(len(tasks)):
            task = article_to_task(found[i], Ledger(source="request"), schema=self.extractor.schema) if i in found else None
            said = task["predictions"][0] if task else {"result": [], "score": None}
            results.append({"result": said["result"], "score": said["score"] or 0.0, "model_version": self.version})
        return {"results": results, "model_version": self.version}


class Handler(BaseHTTPRequestHandler):
    """HTTP around a :class:`Backend`. Nothing that a request carries is logged: it may hold a token."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "qianyue", ""
    timeout = IDLE_SECONDS
    backend: Backend

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        if path in ("", "/health"):
            self._answer(self.backend.health())
        elif path == "/versions":
            self._answer({"versions": [self.backend.version]})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "known: GET /health /versions, POST /setup /predict")

    def do_POST(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        request = self._request()
        if request is None:
            return
        if path == "/predict":
            try:
                self._answer(self.backend.predict(request))
            except ValueError as fault:
                self._refuse(HTTPStatus.BAD_REQUEST, str(fault))
        elif path == "/setup":
            self._answer(self.backend.setup(request))
        elif path in ("/webhook", "/train"):
            self._answer({"status": "nothing to do: training is python -m training.train"})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "known: GET /health /versions, POST /setup /predict")

    def _request(self) -> dict[str, Any] | None:
        """The JSON object of the body; None where it was refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length", close=True)
        elif int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {MAX_BODY_BYTES} bytes; send fewer tasks",
                         close=True)
        else:
            try:
                record = json.loads(self.rfile.read(int(length)) or b"{}")
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                return record
            self._refuse(HTTPStatus.BAD_REQUEST, "expected a JSON object")
        return None

    def _refuse(self, status: HTTPStatus, reason: str, *, close: bool = False) -> None:
        self.close_connection = close or self.close_connection
        self._answer({"error": reason}, status)

    def _answer(self, record: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        # ASCII: a text may hold half a surrogate pair, which no UTF-8 can carry.
        body = json.dumps(record).encode("ascii")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        path = str(getattr(self, "path", "")).partition("?")[0]
        status = args[1] if format.startswith('"%s"') and len(args) > 1 else "request refused"
        print(f"{self.log_date_time_string()} {getattr(self, 'command', '')} {path} {status}", file=sys.stderr, flush=True)


def make_server(backend: Backend, *, host: str, port: int) -> ThreadingHTTPServer:
    """A server that listens; ``port`` 0 takes a free one.

    Raises:
        UsageError: the address cannot be had.
    """
    handler = type("BoundHandler", (Handler,), {"backend": backend})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as fault:
        raise UsageError(f"cannot listen there: {fault}", place=f"{host}:{port}",
                         repair="--port with a free number, or --host 127.0.0.1") from fault
    server.daemon_threads = True
    return server


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m models.serve", description="A model as an ML backend of Label Studio: pre-annotation while you annotate.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m models.serve --label-studio --model runs/default\n"
               "  curl http://127.0.0.1:9090/health\n"
               "In the project: Settings > Model > Connect Model > http://127.0.0.1:9090, without authentication.\n"
               "Label Studio refuses an address on its own machine unless it was started\n"
               "with ML_BLOCK_LOCAL_IP=false SSRF_PROTECTION_ENABLED=false in its environment.\n"
               "There is no login: whoever reaches the address can have texts read.")
    parser.add_argument("--label-studio", action="store_true", required=True, help="the protocol; there is no other")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument("--all-labels", action="store_true",
                        help="hand out all that the run was taught to tell apart, where its config has a reading_schema")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9090, help="(default: %(default)s)")
    args = parser.parse_args(argv)
    from models.extractor import Extractor

    extractor = Extractor.load(args.model, all_labels=args.all_labels)
    server = make_server(Backend(extractor, version=args.model.name), host=args.host, port=args.port)
    if not _is_local(args.host):
        print(f"note: {args.host} may be reached from other machines, and there is no login", file=sys.stderr)
    host, port = server.server_address[:2]
    print(f"listening on http://{host!s}:{port}", file=sys.stderr, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    finally:
        server.server_close()
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
