"""The one place that talks to a Label Studio server: token, retries with back-off, and faults in words.

The token comes from the environment or a file; no message of ours holds it.
"""

from __future__ import annotations

import argparse
import functools
import os
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data.errors import QianyueError, UsageError

if TYPE_CHECKING:
    from label_studio_sdk.client import LabelStudio

T = TypeVar("T")
TOKEN_VARIABLE, URL_VARIABLE = "LABEL_STUDIO_API_KEY", "LABEL_STUDIO_URL"
OLDEST_SERVER = (1, 20)  # the first with the snapshot and token interfaces this package was tried on
RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
NO_SDK_RETRIES = {"max_retries": 0}  # ours look at what arrived before they send anything again
_MAKE_TOKEN = f"copy one from Account & Settings > Access Token, and: export {TOKEN_VARIABLE}=... or --token-file FILE"


class ServerError(QianyueError):
    """The server cannot be reached, refuses, or answers what no Label Studio answers. ``status`` is that of HTTP,
    where it got so far."""

    def __init__(self, problem: str, *, place: str = "", repair: str = "", status: int | None = None) -> None:
        super().__init__(problem, place=place, repair=repair)
        self.status = status


class _RefuseToken(argparse.Action):
    """An option that must not be: a token on the command line stays in the shell's history and in the list of processes."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None) -> None:
        parser.error(f"a token is never given on the command line, where history and ps show it; {_MAKE_TOKEN}")


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """``--url``, ``--token-file`` and how patient to be."""
    parser.add_argument("--url", default=os.environ.get(URL_VARIABLE, "http://127.0.0.1:8080"),
                        help=f"the server (default: the variable {URL_VARIABLE}, or http://127.0.0.1:8080)")
    parser.add_argument("--token-file", type=Path, metavar="FILE",
                        help=f"file with the access token (default: the variable {TOKEN_VARIABLE})")
    parser.add_argument("--token", action=_RefuseToken, help=argparse.SUPPRESS)
    parser.add_argument("--attempts", type=int, default=6, help="tries of one request (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for one request (default: %(default)s)")


def read_token(token_file: Path | None) -> str:
    """The access token from ``token_file``, or from the environment.

    Raises:
        UsageError: there is none. The message names no path: what was given may be the token itself.
    """
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise UsageError("the file given with --token-file cannot be read", place="--token-file",
                             repair="give the path of a file that holds the token and nothing else") from fault
    else:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token or not token.isascii() or any(c.isspace() for c in token):
        raise UsageError("no access token" if not token else "expected one token and nothing else",
                         place="--token-file" if token_file else TOKEN_VARIABLE, repair=_MAKE_TOKEN)
    return token


class Server:
    """A Label Studio server, seen through its SDK (https://api.labelstud.io).

    Args:
        attempts: tries of one request before the fault is told.
        wait_seconds: the first pause between tries; it doubles, with jitter, up to a minute. ``Retry-After`` goes before it.

    Raises:
        UsageError: the address is no address.
        ServerError: nobody answers there, the token is refused, or the server is too old.
    """

    def __init__(self, url: str, token: str, *, attempts: int = 6, timeout_s: float = 60.0, wait_seconds: float = 1.0) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise UsageError("expected an address such as http://127.0.0.1:8080, without user and password", place="--url",
                             repair="--url http://127.0.0.1:8080")
        self.url, self._token = url.rstrip("/"), token
        self._attempts, self._wait_seconds = max(1, attempts), wait_seconds
        self.retried = 0
        self.sdk = self._connect(timeout_s)
        self._check_version()
        self.call(lambda: self.sdk.users.whoami(request_options=NO_SDK_RETRIES))

    def _connect(self, timeout_s: float) -> LabelStudio:
        from label_studio_sdk.client import LabelStudio
        from label_studio_sdk.core.api_error import ApiError

        try:
            return LabelStudio(base_url=f"{self.url}/", api_key=self._token, timeout=timeout_s)
        except ApiError as fault:  # an expired token is seen before anything is sent
            raise self._in_words(fault) from None

    def _check_version(self) -> None:
        import httpx

        try:
            # Nobody listening is no hiccup: said at once, without retries.
            answer = httpx.get(f"{self.url}/api/version", timeout=10, follow_redirects=True)
            release = str(answer.json()["release"])
            version = tuple(int(part) for part in release.split(".")[:2])
        except httpx.TransportError as fault:
            raise self._in_words(fault) from None
        except (ValueError, KeyError, TypeError) as fault:
            raise ServerError("expected a Label Studio server, found something else", place=self.url,
                              repair="check --url; make label-studio starts a server") from fault
        if version < OLDEST_SERVER:
            raise ServerError(f"expected Label Studio {'.'.join(map(str, OLDEST_SERVER))} or newer, found {release}",
                              place=self.url, repair="upgrade the server, or start the one of the lock file: make label-studio")

    def call(self, request: Callable[[], T]) -> T:
        """The answer of ``request``, tried again after 429, 5xx and time-outs.

        Raises:
            ServerError: the server refuses, or every try failed.
        """
        import httpx
        import tenacity
        from label_studio_sdk.core.api_error import ApiError

        def again(fault: BaseException) -> bool:
            return isinstance(fault, httpx.TransportError) or (
                isinstance(fault, ApiError) and fault.status_code in RETRIED_STATUSES)

        def count(_: tenacity.RetryCallState) -> None:
            self.retried += 1

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(again), stop=tenacity.stop_after_attempt(self._attempts),
            wait=self._pause, before_sleep=count, reraise=True)
        try:
            return retrying(request)
        except (httpx.HTTPError, ApiError) as fault:
            raise self._in_words(fault) from None
        except ValueError as fault:
            raise ServerError(f"an answer that is no JSON: {self._clean(fault)}", place=self.url,
                              repair="something other than Label Studio may stand at --url") from None

    def _pause(self, state: Any) -> float:
        """Seconds before the next try: what the server asks for, else doubling with jitter; a minute at most."""
        import tenacity

        fault = state.outcome.exception()
        headers = {str(k).lower(): v for k, v in (getattr(fault, "headers", None) or {}).items()}
        asked = str(headers.get("retry-after", ""))
        if asked.isdecimal():
            return min(float(asked), 60.0)
        return tenacity.wait_random_exponential(multiplier=2 * self._wait_seconds, min=self._wait_seconds, max=60)(state)

    def _clean(self, said: object) -> str:
        return str(said).replace(self._token, "***")[:500]

    def _in_words(self, fault: Exception) -> ServerError:
        """The fault as a user can act on it."""
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        if isinstance(fault, httpx.TimeoutException):
            return ServerError("no answer in time", place=self.url, repair="a longer --timeout, or more --attempts")
        if not isinstance(fault, ApiError):
            return ServerError(f"cannot be reached: {self._clean(fault)}", place=self.url,
                               repair="start the server: make label-studio, or check --url")
        body = fault.body
        detail = self._clean(body.get("detail") or body.get("validation_errors") or body if isinstance(body, dict) else body)
        if fault.status_code == 401:
            return ServerError(f"the server refuses the token: {detail}", place=self.url, repair=_MAKE_TOKEN)
        if fault.status_code == 403:
            return ServerError(f"this user may not do that: {detail}", place=self.url, repair="ask an owner of the project")
        return ServerError(f"the server answers {fault.status_code}: {detail}", place=self.url, status=fault.status_code,
                           repair="try again later" if fault.status_code in RETRIED_STATUSES else "see the server's log")

    def find_project(self, wanted: str) -> Any | None:
        """The project of that number, or of that title; None where there is none.

        Raises:
            UsageError: several projects bear the title.
        """
        projects = self.projects()
        found = [p for p in projects if str(p.id) == wanted] or [p for p in projects if p.title == wanted]
        if len(found) > 1:
            raise UsageError(f"several projects are called {wanted!r}: {', '.join(str(p.id) for p in found)}", place="--project",
                             repair=f"--project {found[0].id}")
        return found[0] if found else None

    def project(self, wanted: str) -> Any:
        """The project of that number or title.

        Raises:
            ServerError: there is none; the message names those that are there.
        """
        found = self.find_project(wanted)
        if found is None:
            names = ", ".join(f"{p.id} ({p.title})" for p in self.projects()[:10]) or "none"
            raise ServerError(f"no project {wanted!r} on this server; there are: {names}", place=self.url,
                              repair="check --project, or let push make it: --create")
        return found

    def projects(self) -> list[Any]:
        """All projects the token's user may see."""
        return self.call(lambda: list(self.sdk.projects.list(page_size=100, request_options=NO_SDK_RETRIES)))

    def create_project(self, title: str, config: str) -> Any:
        """A new project with that labelling configuration; pre-annotations are shown to the annotator."""
        def create() -> Any:
            return self.find_project(title) or self.sdk.projects.create(
                title=title, label_config=config, show_collab_predictions=True, request_options=NO_SDK_RETRIES)

        return self.call(create)

    def tasks(self, project_id: int, *, page_size: int = 500) -> Iterator[Any]:
        """Every task of a project, without its annotations; in pages."""
        page = 1
        while True:
            found = self.call(functools.partial(
                self.sdk.tasks.list, project=project_id, fields="task_only", page=page, page_size=page_size,
                request_options=NO_SDK_RETRIES)).items or []
            yield from found
            if len(found) < page_size:
                return
            page += 1
