"""``python -m data.label_studio config``: the labelling configuration (https://labelstud.io/tags), from the schema file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from xml.etree import ElementTree

from data.errors import EXIT_OK
from data.files import write_text
from data.formats.label_studio import LABEL_CONTROL, NO_SIGNING, SIGNING_CONTROL, TEXT_OBJECT
from data.schema import Schema, load_schema

# Distinct for readers who see no red and green apart (Okabe and Ito, 2008), dark enough behind white text; then by hue.
COLOURS = ("#0072B2", "#D55E00", "#007F5F", "#8A4A78", "#8A6D00", "#4B4B4B", "#2B6CB0", "#9B2C2C")
RELATION_COLOURS = ("#B83227", "#1B6E53", "#5B3E8F", "#9A6700", "#1F5FA8", "#6B3A1E")
HOTKEYS = "123456789qwertyuiopasdfghjkl"
NO_SIGNING_HOTKEY = "0"


def labelling_config(schema: Schema) -> str:
    """The XML of a project: labels with colours and hotkeys, relation types that say their ends, the article's metadata,
    the text, and the choice that the article tells of no signing."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$id", size="5")
    ElementTree.SubElement(view, "Text", name="published", value="$published")
    ElementTree.SubElement(view, "Text", name="publisher", value="$publisher")
    labels = ElementTree.SubElement(view, "Labels", name=LABEL_CONTROL, toName=TEXT_OBJECT, choice="single")
    for number, label in enumerate(schema.labels):
        tag = ElementTree.SubElement(labels, "Label", value=label, background=COLOURS[number % len(COLOURS)])
        if number < len(HOTKEYS):
            tag.set("hotkey", HOTKEYS[number])
    if schema.relations:
        relations = ElementTree.SubElement(view, "Relations")
        for number, kind in enumerate(schema.relations):
            ends = f"{'/'.join(sorted(kind.head))} {'-' if kind.symmetric else '->'} {'/'.join(sorted(kind.tail))}"
            ElementTree.SubElement(relations, "Relation", value=kind.name, hint=ends,
                                   background=RELATION_COLOURS[number % len(RELATION_COLOURS)])
    # One line of "symbol" granularity: a drag marks characters, never whole "words", of which Chinese has no borders.
    # Room on the left, where the editor draws the names of relations that begin at a line's head, and between the lines.
    room = ElementTree.SubElement(view, "View", style="padding-left: 7em; line-height: 2")
    ElementTree.SubElement(room, "Text", name=TEXT_OBJECT, value="$text", granularity="symbol", saveTextResult="yes")
    signing = ElementTree.SubElement(view, "Choices", name=SIGNING_CONTROL, toName=TEXT_OBJECT, choice="single",
                                     showInline="true")
    ElementTree.SubElement(signing, "Choice", value=NO_SIGNING, hotkey=NO_SIGNING_HOTKEY)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.description = ("Print the labelling configuration of a schema: paste it in a project's settings, or let push make the "
                          "project.")
    parser.epilog = ("examples:\n  python -m data.label_studio config --schema configs/schema/parties.yaml\n"
                     "  python -m data.label_studio config --output config.xml")
    parser.add_argument("--schema", type=Path, default=Path("configs/schema/parties.yaml"), help="default: %(default)s")
    parser.add_argument("--output", default="-", metavar="FILE", help="file to write (default: standard output)")


def run(args: argparse.Namespace) -> int:
    """Print or write the configuration."""
    config = labelling_config(load_schema(args.schema))
    if args.output == "-":
        sys.stdout.write(config)
    else:
        write_text(args.output, config)
    return EXIT_OK
