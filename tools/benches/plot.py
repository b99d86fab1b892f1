"""Draws curves as SVG, readable on light and dark grounds."""

import math
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 84, 170, 52, 56
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #333 }
    .title { font-size: 15px; font-weight: 600 }
    .grid { stroke: #8884; stroke-width: 1 }
    .curve { fill: none; stroke-width: 2.5 }
    .c0 { stroke: #0a62c4; fill: #0a62c4 } .c1 { stroke: #b8500c; fill: #b8500c }
    .curve.c0, .curve.c1 { fill: none } text.c0, text.c1 { stroke: none; font-weight: 600 }
    @media (prefers-color-scheme: dark) {
        text { fill: #ddd }
        .c0 { stroke: #6db3ff; fill: #6db3ff } .c1 { stroke: #ffa061; fill: #ffa061 }
    }
"""


def plot(title, axis, places, curves):
    """An SVG document.

    `places` are words along the horizontal axis, at equal distances; `curves` has a list of positive numbers for each name, as many as
    places. The vertical axis is logarithmic.
    """
    values = [value for curve in curves.values() for value in curve]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def across(number):
        return LEFT + (WIDTH - LEFT - RIGHT) * (number + 0.5) / len(places)

    def down(value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(value) - low) / (high - low)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>", f'<text class="title" x="{LEFT}" y="26">{escape(title)}</text>']
    for power in range(low, high + 1):
        y = down(10**power)
        lines += [f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>',
                  f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>']
    for number, word in enumerate(places):
        lines.append(f'<text x="{across(number):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle">{escape(word)}</text>')
    lines.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(axis)}</text>')
    for kind, (name, curve) in enumerate(curves.items()):
        points = [(across(number), down(value)) for number, value in enumerate(curve)]
        lines.append(f'<path class="curve c{kind}" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>')
        for (x, y), value in zip(points, curve):
            lines += [f'<circle class="c{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>',
                      f'<text x="{x:.1f}" y="{y - 10 if kind == 0 else y + 20:.1f}" text-anchor="middle">{value:,.0f}</text>']
        x, y = points[-1]
        lines.append(f'<text class="c{kind}" x="{x + 34:.1f}" y="{y + 4:.1f}">{escape(name)}</text>')
    return "\n".join([*lines, "</svg>", ""])
