"""Draws plots as SVG text, small enough to read in a diff. Pure; knows nothing of what is shown."""

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log10

from benchmarks.figures import Plot, number

WIDTH = 760
LEFT, RIGHT, TOP = 210, 70, 58
BAR, GAP = 22, 12
LINES_HEIGHT = 300
COLOURS = ("#2f6f9f", "#d98032", "#4f9a5b", "#b0485a", "#7a68a6", "#8b8b3d", "#5f6b73", "#c27ba0")


def draw(plot: Plot) -> str:
    """Return the SVG document of a plot."""
    height, shapes = (LINES_HEIGHT + TOP + 50.0, list(_lines(plot))) if plot.kind == "lines" else _bars(plot)
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">',
            f'<rect width="{WIDTH}" height="{height:g}" fill="white"/>',
            _text(12, 20, plot.title, size=15),
            *_legend(list(plot.series)),
            *shapes,
            "</svg>\n",
        ]
    )


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = 12.0
    for position, name in enumerate(names):
        if name:
            yield _box(x, 32, 11, 11, position)
            yield _text(x + 16, 42, name)
            x += 34 + 6.8 * len(name)


def _bars(plot: Plot) -> tuple[float, list[str]]:
    """Lying bars, one below the other; those of several series beside or (stacked) behind each other."""
    stacked = plot.kind == "stacked"
    values = {name: dict(points) for name, points in plot.series.items()}
    names = list(dict.fromkeys(name for points in plot.series.values() for name, _ in points))
    totals = [[of.get(name, 0.0) for of in values.values()] for name in names]
    scale = (WIDTH - LEFT - RIGHT) / (max((sum(t) if stacked else max(t)) for t in totals) or 1)
    shapes, y = [], float(TOP)
    for name, heights in zip(names, totals, strict=True):
        thickness = BAR * (1 if stacked else len(heights))
        shapes.append(_text(LEFT - 8, y + thickness / 2 + 4, str(name), anchor="end"))
        x = float(LEFT)
        for position, value in enumerate(heights):
            shapes.append(_box(x, y, value * scale, BAR, position))
            if stacked:
                x += value * scale
            else:
                shapes.append(_text(LEFT + value * scale + 5, y + BAR / 2 + 4, number(value)))
                y += BAR
        if stacked:
            shapes.append(_text(x + 5, y + BAR / 2 + 4, number(sum(heights))))
            y += BAR
        y += GAP
    shapes.append(_text(LEFT, y + 8, plot.y, fill="#666"))
    return y + 20, shapes


def _lines(plot: Plot) -> Iterator[str]:
    left, bottom = 60, TOP + LINES_HEIGHT
    xs = sorted({float(x) for points in plot.series.values() for x, _ in points})
    top = max(y for points in plot.series.values() for _, y in points) or 1.0
    step = _step(top)
    top = step * ceil(top / step)

    def at(x: float, y: float) -> tuple[float, float]:
        share = (x - xs[0]) / ((xs[-1] - xs[0]) or 1)
        return left + share * (WIDTH - left - RIGHT), bottom - y / top * LINES_HEIGHT

    for line in range(round(top / step) + 1):
        _, y = at(xs[0], line * step)
        yield f'<path d="M{left} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield _text(left - 6, y + 4, number(line * step), anchor="end")
    for value in _labelled(xs):
        yield _text(at(value, 0)[0], bottom + 18, number(value), anchor="middle")
    yield _text(WIDTH / 2, bottom + 38, plot.x, anchor="middle", fill="#666")
    yield _text(WIDTH - 12, 20, plot.y, anchor="end", fill="#666")
    for position, points in enumerate(plot.series.values()):
        yield _line([at(float(x), y) for x, y in points], position)


def _labelled(xs: Sequence[float]) -> Sequence[float]:
    """Where the horizontal axis is labelled: at each point, or at a few round numbers if the points are many."""
    step = _step(xs[-1])
    rounds = [mark * step for mark in range(ceil(xs[0] / step), floor(xs[-1] / step) + 1)]
    return xs if len(xs) <= len(rounds) else rounds


def _step(top: float) -> float:
    """The distance between the marks of an axis: 1, 2 or 5 times a power of ten, so that there are four to ten."""
    power = 10.0 ** floor(log10(top))
    return next(power * factor for factor in (0.1, 0.2, 0.5, 1.0) if top / (power * factor) <= 10)


def _line(points: Sequence[tuple[float, float]], position: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{COLOURS[position % len(COLOURS)]}" stroke-width="2"/>'


def _box(x: float, y: float, width: float, height: float, position: int) -> str:
    colour = COLOURS[position % len(COLOURS)]
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, fill: str = "#222") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}"'
    return f"<text {place}>{escape(text)}</text>"
