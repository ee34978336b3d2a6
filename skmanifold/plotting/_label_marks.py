"""Marks of labels: what was seen, what can be predicted, and what was."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skmanifold.plotting._label_layout import LabelLayout

# What a node is, from the least to the most important; the marks of the last three differ in
# shape and lightness as well as in hue, which are those of Okabe and Ito for the colour-blind.
NO_LABEL, LABEL, OUT_OF_REACH, REACHABLE, SEEN = range(5)


class _Mark(NamedTuple):
    words: str
    marker: str
    color: str
    size: float  # relative area


MARKS = {
    LABEL: _Mark("label", "o", "#999999", 0.7),
    OUT_OF_REACH: _Mark("unseen, out of reach", "o", "#999999", 0.3),
    REACHABLE: _Mark("unseen, can be predicted", "o", "#56B4E9", 1.0),
    SEEN: _Mark("seen", "s", "#0072B2", 1.0),
}
_PREDICTED = "#D55E00"
_EDGE, _USED_EDGE = "#D0D0D0", "#707070"
_RASTERIZE_FROM = 10_000  # marks or lines from which a vector file would be slow to open


class LabelStatus(NamedTuple):
    """What each node of a label space is, and how many samples are predicted to be it."""

    kind: NDArray[np.intp]
    n_predicted: NDArray[np.intp]


def draw_lines(ax: Any, layout: LabelLayout) -> Any:
    """Edges, those on paths between seen classes on top and darker."""
    from matplotlib.collections import LineCollection

    if not len(layout.lines):
        return None
    order = np.argsort(layout.used, kind="stable")
    used = layout.used[order]
    width = 1.0 if len(used) <= 500 else 0.5
    lines = LineCollection(
        list(layout.lines[order]),
        colors=np.where(used, _USED_EDGE, _EDGE),
        linewidths=np.where(used, 1.5 * width, width),
        rasterized=len(used) > _RASTERIZE_FROM,
        zorder=1,
    )
    return ax.add_collection(lines)


def draw_marks(ax: Any, layout: LabelLayout, status: LabelStatus) -> NDArray[np.float64]:
    """Marks of the nodes and rings of the predictions; returns their radii in 1/72 inch."""
    kind, n_predicted = status.kind[layout.nodes], status.n_predicted[layout.nodes]
    area = _mark_area(int(np.count_nonzero(kind)))
    areas = np.zeros(len(kind))
    for code, mark in MARKS.items():
        at = kind == code
        areas[at] = area * mark.size
        ax.scatter(
            *layout.positions[at].T,
            s=area * mark.size,
            c=mark.color,
            marker=mark.marker,
            linewidths=0,
            rasterized=at.sum() > _RASTERIZE_FROM,
            zorder=code,
        )
    ringed = n_predicted > 0
    areas[ringed] = area * (2 + 4 * n_predicted[ringed] / n_predicted.max(initial=1))
    ax.scatter(
        *layout.positions[ringed].T,
        s=areas[ringed],
        facecolors="none",
        edgecolors=_PREDICTED,
        linewidths=1.5 if area > 10 else 1.0,
        zorder=SEEN + 1,
    )
    return np.sqrt(areas) / 2


def _mark_area(n_marks: int) -> float:
    """Area of a mark in (1/72 inch)**2, less where there are more."""
    return float(np.clip(6000 / max(n_marks, 1), 4.0, 32.0))


def add_legend(ax: Any, layout: LabelLayout, status: LabelStatus, *, own_figure: bool) -> Any:
    """Legend beside the axes; in a figure of our own its layout makes room for it."""
    from matplotlib.lines import Line2D

    def handle(mark: str, words: str, **style: Any) -> Any:
        return Line2D([], [], marker=mark, linestyle="", label=words, **style)

    kind, n_predicted = status.kind[layout.nodes], status.n_predicted[layout.nodes]
    handles = [
        handle(
            mark.marker,
            f"{mark.words} ({np.sum(kind == code):,})",
            color=mark.color,
            markersize=6 * mark.size**0.5,
        )
        for code, mark in reversed(MARKS.items())
        if (kind == code).any()
    ]
    if n_predicted.any():
        ring = {"markerfacecolor": "none", "markeredgecolor": _PREDICTED, "markeredgewidth": 1.5}
        words = f"predicted ({np.sum(n_predicted > 0):,});\narea by number of samples"
        handles.append(handle("o", words, markersize=10, **ring))
    draw, place = ax.legend, {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)}
    if own_figure:
        draw, place = ax.figure.legend, {"loc": "outside center right"}
    return draw(handles=handles, frameon=False, fontsize="small", **place)
