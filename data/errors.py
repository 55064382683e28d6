"""Errors that a user can act on, and the one place that turns them into exit codes.

Every message says where the fault is, what was expected, what came, and how to repair it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2


class QianyueError(Exception):
    """A fault the user can repair. ``exit_code`` is what the command ends with."""

    exit_code = EXIT_FAILED

    def __init__(self, problem: str, *, place: str = "", repair: str = "") -> None:
        self.problem, self.place, self.repair = problem, place, repair
        super().__init__(self.render())

    def render(self) -> str:
        """One line of place and problem, and below it the repair, if one is known."""
        first = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{first}\n  repair: {self.repair}" if self.repair else first


class DataError(QianyueError):
    """Text, gold or predictions that break the article contract."""


class ModelError(QianyueError):
    """A model folder that is missing, incomplete or unsafe."""


class UsageError(QianyueError):
    """The command was called wrongly, or its config is wrong: exit code 2."""

    exit_code = EXIT_USAGE


def run_command(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> int:
    """Run ``main(argv)`` and return its exit code; user faults become one clear message on stderr.

    Anything that is no :class:`QianyueError` is a bug of ours and keeps its traceback.
    """
    try:
        return main(argv)
    except QianyueError as fault:
        print(f"error: {fault.render()}", file=sys.stderr)
        return fault.exit_code
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough; the interpreter must not flush into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as fault:
        repair = {
            errno.ENOSPC: "free the disk, then call it again",
            errno.ENOENT: "check the path",
            errno.ENOTDIR: "give a path whose parents are folders",
            errno.EISDIR: "give the path of a file, not of a folder",
        }.get(fault.errno or 0, "choose a folder you may read and write, or change its permissions")
        place = fault.filename or "input or output"
        print(f"error: {place}: cannot be read or written: {fault.strerror or fault}\n  repair: {repair}", file=sys.stderr)
        return EXIT_FAILED
