"""A few shapes as SVG text, readable on dark and on light, with no font or file from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

STYLE = """\
text { fill: #1f2328; dominant-baseline: middle }
.ground { fill: #ffffff } .box { fill: #f6f8fa; stroke: #59636e }
.ours { fill: #fff1e5; stroke: #bc4c00 } .faint { fill: #eaeef2; stroke: none }
.line { stroke: #59636e; fill: none; stroke-width: 1.5 } .tip { fill: #59636e }
.note { fill: #59636e; font-size: 12px } .strong { font-weight: bold }
.code { font-family: ui-monospace, monospace; font-size: 12px }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ground { fill: #0d1117 } .box { fill: #161b22; stroke: #8b949e }
.ours { fill: #3d2209; stroke: #f0883e } .faint { fill: #21262d }
.line { stroke: #8b949e } .tip, .note { fill: #9da7b3 }
}
"""


def picture(width: int, height: int, title: str, shapes: Sequence[str]) -> str:
    """Return a whole SVG of this size, in pixels."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img" font-family="sans-serif"'
            ' font-size="14">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{STYLE}</style>",
            '<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4"'
            ' orient="auto"><path class="tip" d="M0 0L9 4L0 8z"/></marker></defs>',
            f'<rect class="ground" width="{width}" height="{height}" rx="6"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def box(x: int, y: int, width: int, lines: Sequence[str], kind: str = "box") -> str:
    """Return a box of as many lines as given; the first is strong. `kind` is a class of STYLE."""
    height = 20 * len(lines) + 16
    texts = [
        text(x + width // 2, y + 18 + 20 * number, line, "strong" if number == 0 else "note")
        for number, line in enumerate(lines)
    ]
    shape = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>'
    return "\n".join([shape, *texts])


def text(x: int, y: int, words: str, kind: str = "", anchor: str = "middle") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def arrow(x1: int, y1: int, x2: int, y2: int, label: str = "") -> str:
    """Return an arrow with its label above its middle."""
    line = f'<path class="line" marker-end="url(#tip)" d="M{x1} {y1}L{x2} {y2}"/>'
    return f"{line}\n{text((x1 + x2) // 2, (y1 + y2) // 2 - 9, label, 'note')}" if label else line
