"""``python -m data.label_studio config|push|pull …``: the annotation loop with Label Studio."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from data.errors import run_command

# Each module has add_arguments(parser) and run(args) -> exit code; it is imported when its command is called.
COMMANDS = {
    "config": "print the labelling configuration of a schema",
    "push": "articles and pre-annotations to a project, or to a file of tasks",
    "pull": "annotations of a project, or of an export file, back as articles",
    "queue": "unlabelled articles in the order that teaches the model most",
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else list(argv)
    listed = "\n".join(f"  {name:8} {about}" for name, about in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m data.label_studio", description="The annotation loop with Label Studio: there and back.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"commands (each has --help with examples):\n{listed}\n\nexample:\n  make label-studio\n"
               "  python -m models.predict --model runs/default --input news --output predicted.jsonl\n"
               "  python -m data.label_studio push predicted.jsonl --project hospitals --create\n"
               "  python -m data.label_studio pull --project hospitals --output gold.jsonl")
    parser.add_argument("command", choices=tuple(COMMANDS))
    args = parser.parse_args(arguments[:1])
    module = importlib.import_module(f"data.label_studio.{args.command}")
    # No abbreviations: a token typed behind --token must not pass for --token-file and end in a message.
    own = argparse.ArgumentParser(prog=f"python -m data.label_studio {args.command}", allow_abbrev=False,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    module.add_arguments(own)
    return int(module.run(own.parse_args(arguments[1:])))


if __name__ == "__main__":
    sys.exit(run_command(main))
