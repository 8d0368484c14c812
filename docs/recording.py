"""Run the demonstration and write docs/pictures/demo.svg, a terminal that shows what it prints.

`make recording` does it. A reader who wants no motion sees the last screen. The words are those
that were printed, so a test can hold them against a new run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent / "demo" / "demo.py"
PICTURE = HERE / "pictures" / "demo.svg"
COLUMNS, LINE_PIXELS, LETTER_PIXELS = 106, 17, 7.25
SECONDS_FOR_A_LINE = 0.12
"""Lines that came together are shown one after another, for those who read along."""
SECONDS_FOR_A_STEP = 1.2
STAYS_SECONDS = 6.0
STARTS_SECONDS = 4
"""Who opens the page sees the first step at once."""
ROWS = 34
STYLE = """\
.ground { fill: #f6f8fa; stroke: #d1d9e0 } .cover { fill: #f6f8fa }
text { fill: #1f2328; white-space: pre }
.title { font-weight: bold } .typed { fill: #0550ae } .bad { fill: #b35900 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; stroke: #3d444d } .cover { fill: #0d1117 } text { fill: #e6edf3 }
.typed { fill: #79c0ff } .bad { fill: #f0883e }
}
@media (prefers-reduced-motion: reduce) { .screen, .cover { animation: none !important } }
"""


def record() -> list[str]:
    """Return the lines that the demonstration prints."""
    environ = {**os.environ, "USER": "alice", "LOGNAME": "alice"}
    demo = [sys.executable, DEMO]
    printed = subprocess.run(demo, stdout=subprocess.PIPE, text=True, env=environ, check=True)
    return printed.stdout.strip("\n").splitlines()


def neutral(text: str) -> str:
    """Return a text without what differs from run to run, or from checkout to checkout."""
    text = re.sub(r"aws-role-exec-\w+-[0-9a-f]{8}", "aws-role-exec-alice-1f0c5d7e", text)
    text = re.sub(r"pid \d+", "pid 4711", text)
    text = re.sub(r"ASIA[0-9A-F]{16}", "ASIAEXAMPLE000000000", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "2026-11-25T13:00:00Z", text)
    text = re.sub(r"after \d+\.\d s", "after a while", text)
    return re.sub(
        r"\S*bin/aws-role-exec --role-arn", ".venv-demo/bin/aws-role-exec --role-arn", text
    )


def folded(line: str) -> list[str]:
    """Return a line as a terminal of COLUMNS shows it."""
    return [line[at : at + COLUMNS] for at in range(0, len(line), COLUMNS)] or [""]


def kind(line: str) -> str:
    if line.startswith(("  $ ", "  > ")):
        return "typed"
    if line.startswith(("    aws-role-exec: ", "    hint: ", "    exit status")):
        return "bad"
    return "" if line.startswith(" ") or not line else "title"


def svg(lines: list[str]) -> str:
    """Return the recording: rows that come in and push the first ones out at the top."""
    shown: list[tuple[float, str, str]] = []
    clock = 0.0
    for line in lines:
        name = kind(line)
        clock += SECONDS_FOR_A_STEP if name == "title" and shown else 0.0
        for part in folded(line):
            clock += SECONDS_FOR_A_LINE
            shown.append((clock, name, part))
    whole = clock + STAYS_SECONDS
    width, height = round(COLUMNS * LETTER_PIXELS) + 32, ROWS * LINE_PIXELS + 34
    rows, scrolls, covers = [], [], []
    for number, (moment, name, part) in enumerate(shown):
        if part:
            at = f'class="{name}" ' if name else ""
            rows.append(f'<text {at}x="16" y="{number * LINE_PIXELS + 26}">{escape(part)}</text>')
        percent = f"{100 * moment / whole:.2f}%"
        scrolls.append(f"{percent} {{ {moved(scroll(number))} }}")
        covers.append(f"{percent} {{ {moved(uncovered(number))} }}")
    last, pace = len(shown) - 1, f"{whole:.1f}s step-end -{STARTS_SECONDS}s infinite"
    size = f'width="{width - 1}" height="{height - 1}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
            f' width="{width}" height="{height}" font-size="12"'
            ' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace">',
            "<title>make demo</title>",
            f"<style>\n{STYLE}",
            f".screen {{ animation: scroll {pace}; {moved(scroll(last))} }}",
            f".cover {{ animation: cover {pace}; {moved(uncovered(last))} }}",
            *keyframes("scroll", scrolls),
            *keyframes("cover", covers),
            "</style>",
            f'<rect class="ground" x="0.5" y="0.5" {size} rx="8"/>',
            f'<svg x="1" y="8" width="{width - 2}" height="{height - 16}"><g class="screen">',
            *rows,
            # What has not been printed yet.
            f'<rect class="cover" width="{width - 2}" height="{LINE_PIXELS * len(shown)}"/>',
            "</g></svg>",
            "</svg>\n",
        ]
    )


def keyframes(name: str, frames: list[str]) -> list[str]:
    before = moved(0)
    return [f"@keyframes {name} {{ 0% {{ {before} }}", *frames, "}"]


def moved(pixels: int) -> str:
    return f"transform: translateY({pixels}px)"


def scroll(last: int) -> int:
    """Return how far up the text lies when row `last` was printed, in pixels below 0."""
    return min(0, (ROWS - 1 - last) * LINE_PIXELS)


def uncovered(last: int) -> int:
    """Return where what is not printed yet begins, in pixels from the first row."""
    return (last + 1) * LINE_PIXELS + 14


def words(svg: str) -> list[str]:
    """Return the rows of a recording."""
    return re.findall(r"<text[^>]*>(.*?)</text>", svg)


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(svg([neutral(line) for line in record()]))
