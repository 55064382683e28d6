"""``python -m eval.screenshot page.html --output picture.png``: a page as a picture, by a Chromium of this machine."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from data.errors import EXIT_OK, DataError, QianyueError, run_command

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, because containers run as root; the page is our own file. The rest keeps the browser off the network.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")


def find_chromium() -> str | None:
    """The path of a Chromium on this machine, None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def take(page: Path, picture: Path, *, width: int, height: int, lang: str, anchor: str) -> None:
    """Write the first screen of a page as PNG.

    Raises:
        QianyueError: there is no browser, or nothing to drive it with.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as fault:
        raise QianyueError("playwright is not installed", repair="pip install -e '.[dev]'") from fault
    chromium = find_chromium()
    if chromium is None:
        raise QianyueError("no Chromium on this machine", repair="apt-get install chromium")
    picture.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, headless=True, args=list(FLAGS))
        view = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        view.goto(page.resolve().as_uri() + (f"#{anchor}" if anchor else ""))
        view.select_option("#lang", "zh-CN" if lang == "zh" else "en")
        view.screenshot(path=picture)
        browser.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``python -m eval.screenshot``."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.screenshot", description="Write the first screen of a page of ours as a picture.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  python -m eval.screenshot reports/example/index.html --output reports/example/screenshot.png\n"
               "  python -m eval.screenshot network.html --output network.png --width 390 --height 844 --lang zh")
    parser.add_argument("page", type=Path, metavar="HTML", help="a page that eval.report, eval.index or eval.network wrote")
    parser.add_argument("--output", required=True, type=Path, metavar="PNG", help="picture to write")
    parser.add_argument("--width", type=int, default=1440, help="of the window, in pixels (default: 1440)")
    parser.add_argument("--height", type=int, default=900, help="of the window, in pixels (default: 900)")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the page (default: en)")
    parser.add_argument("--anchor", default="", help="scroll to this id, or open an article: a-ID")
    args = parser.parse_args(argv)
    if not args.page.is_file():
        raise DataError("no such file", place=str(args.page), repair="make the page first, such as with python -m eval.report")
    take(args.page, args.output, width=args.width, height=args.height, lang=args.lang, anchor=args.anchor)
    print(f"written: {args.output}")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_command(main))
