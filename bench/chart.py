"""A chart of bars in pairs that reads on light and on dark."""

from collections.abc import Sequence
from html import escape

STYLE = """<style>
text { fill: #1f2328 } .ground { fill: #ffffff } .ours { fill: #bc4c00 } .theirs { fill: #6e7781 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ground { fill: #0d1117 } .ours { fill: #f0883e } .theirs { fill: #8b949e }
}
</style>"""
LEFT, WIDTH, BAR, ROW, TOP = 400, 400, 11, 30, 44

Row = tuple[str, float, float | None]
"""A label, our figure, and the reference's if there is one."""


def draw(title: str, legend: tuple[str, str], rows: Sequence[Row]) -> str:
    """Return an SVG with the longer bar of all as wide as there is room."""
    most = max(max(ours, theirs or 0.0) for _, ours, theirs in rows)
    height = TOP + len(rows) * ROW + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        STYLE,
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text x="10" y="24" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (kind, name) in enumerate(zip(("ours", "theirs"), legend, strict=True)):
        x = LEFT + number * 160
        lines.append(f'<rect class="{kind}" x="{x}" y="14" width="12" height="12"/>')
        lines.append(f'<text x="{x + 18}" y="24">{escape(name)}</text>')
    for number, (label, *values) in enumerate(rows):
        y = TOP + number * ROW
        text = escape(label.replace("`", ""))
        lines.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{text}</text>')
        for kind, value in zip(("ours", "theirs"), values, strict=True):
            if value is not None:
                length = max(1.0, value / most * WIDTH)
                lines.append(
                    f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}"/>'
                )
                lines.append(
                    f'<text x="{LEFT + length + 5:.1f}" y="{y + 10}" font-size="11">'
                    f"{value:.1f}</text>"
                )
            y += BAR + 1
    return "\n".join([*lines, "</svg>"]) + "\n"
