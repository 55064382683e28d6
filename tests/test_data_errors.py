"""What the user sees of a fault, and what the command ends with."""

from __future__ import annotations

import pytest

from data.errors import DataError, ModelError, QianyueError, UsageError, run_command


@pytest.mark.parametrize(("fault", "code"), [(QianyueError, 1), (DataError, 1), (ModelError, 1), (UsageError, 2)])
def test_a_fault_becomes_one_message_and_an_exit_code(fault: type[QianyueError], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: object) -> int:
        raise fault("it is wrong", place="a.txt:3", repair="mend it")

    assert run_command(main) == code
    said = capsys.readouterr()
    assert said.err == "error: a.txt:3: it is wrong\n  repair: mend it\n" and said.out == ""


def test_place_and_repair_may_be_unknown() -> None:
    assert QianyueError("x").render() == "x"
    assert QianyueError("x", place="f").render() == "f: x"
    assert QianyueError("x", repair="y").render() == "x\n  repair: y"


def test_success_and_its_arguments_pass_through() -> None:
    assert run_command(lambda argv: len(argv or ()), ["a", "b"]) == 2


def test_a_bug_keeps_its_traceback() -> None:
    def main(argv: object) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main)


def test_interrupt(capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: object) -> int:
        raise KeyboardInterrupt

    assert run_command(main) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_permission(capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: object) -> int:
        raise PermissionError(13, "Permission denied", "/locked/x")

    assert run_command(main) == 1
    assert "/locked/x" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [OSError(30, "Read-only file system", "/ro/x"), FileNotFoundError(2, "No such file", "/x"),
                                   NotADirectoryError(20, "Not a directory", "/f/x"), IsADirectoryError(21, "Is a directory", "/d"),
                                   OSError(28, "No space left on device", "/full/x")], ids=lambda f: f.strerror)
def test_other_faults_of_the_file_system(fault: OSError) -> None:
    def main(argv: object) -> int:
        raise fault

    assert run_command(main) == 1
