"""Names of labels, none of which overlaps another one or a mark."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmanifold.plotting._label_layout import LabelLayout
from skmanifold.plotting._label_marks import NO_LABEL, SEEN, LabelStatus

Floats = NDArray[np.float64]

MAX_NAMES = 100  # more labels than this have names only if they are seen or predicted
GAP = 3.0  # between a point and its name, in units of 1/72 inch
# Where a name may stand: from the centre of its point, in half widths and half heights.
SIDES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, 1], [1, -1], [-1, -1]], float)


def draw_names(
    ax: Any,
    layout: LabelLayout,
    status: LabelStatus,
    names: NDArray[Any],
    radii: Floats,
) -> list[Any]:
    """Write the names of the nodes that are worth one, if these are few.

    Parameters
    ----------
    ax : matplotlib Axes
    layout : LabelLayout
    status : LabelStatus
    names : ndarray of shape (n_nodes,)
        Of all nodes of the label space.
    radii : ndarray of shape (n_drawn,)
        Radii of the marks in units of 1/72 inch.

    Returns
    -------
    texts : list of matplotlib Text
    """
    ax.figure.canvas.figure.draw_without_rendering()  # settles the size of the axes
    texts = names[layout.nodes].astype(str)
    if layout.kind == "list":
        return _name_rows(ax, layout, texts, status.kind[layout.nodes] == NO_LABEL)
    if layout.kind == "line" and _ticks_say_it(names, layout.positions):
        return []
    return name_points(
        ax,
        layout.positions,
        radii,
        [(at, texts[at]) for at in _worth_a_name(layout, status, texts)],
        sides=SIDES[[2, 3]] if layout.kind == "line" else SIDES,
    )


def _worth_a_name(
    layout: LabelLayout, status: LabelStatus, texts: NDArray[np.str_]
) -> NDArray[np.intp]:
    """Drawn nodes to name, the most important ones first; none where they would be too many."""
    kind, n_predicted = status.kind[layout.nodes], status.n_predicted[layout.nodes]
    wanted = (kind > NO_LABEL) & (texts != "")
    if wanted.sum() > MAX_NAMES:
        wanted &= (kind == SEEN) | (n_predicted > 0)
    at = np.flatnonzero(wanted)
    return at[np.lexsort([-n_predicted[at], -kind[at]])] if len(at) <= MAX_NAMES else at[:0]


def _ticks_say_it(names: NDArray[Any], positions: Floats) -> bool:
    """Whether the numbers along the axis are the labels."""
    return names.dtype.kind in "if" and bool((names == positions[:, 0]).all())


def _name_rows(
    ax: Any, layout: LabelLayout, texts: NDArray[np.str_], muted: NDArray[np.bool_]
) -> list[Any]:
    """One name to the right of each node, as large as the rows allow; widens the axes for them."""
    window, pixels = ax.get_window_extent(), ax.figure.dpi / 72
    row_height = window.height / pixels / len(texts)
    written = [
        ax.annotate(
            text,
            position,
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            fontsize=min(9.0, 0.75 * row_height),
            color="#808080" if grey else None,
        )
        for text, position, grey in zip(texts, layout.positions, muted, strict=True)
        if text
    ]
    low, high = ax.get_xlim()
    room = [1 - (text.get_window_extent().width + 12 * pixels) / window.width for text in written]
    wanted = ([text.xy[0] for text in written] - low) / np.maximum(room, 0.1)
    ax.set_xlim(low, max(high, low + wanted.max(initial=0.0)))
    return written


def name_points(
    ax: Any,
    positions: Floats,
    radii: Floats,
    names: Sequence[tuple[int, str]],
    *,
    sides: Floats = SIDES,
) -> list[Any]:
    """Write names beside points, each at the first free side; those without one are left out.

    Parameters
    ----------
    ax : matplotlib Axes
        With its final size and limits.
    positions : ndarray of shape (n_points, 2)
        All points that are drawn, in data coordinates.
    radii : ndarray of shape (n_points,)
        Radii of their markers in units of 1/72 inch.
    names : sequence of (int, str)
        Points to name, the most important first, and their names.
    sides : ndarray of shape (n_sides, 2), default=SIDES
        Where names may stand, best first: -1, 0 or 1 in each direction.

    Returns
    -------
    texts : list of matplotlib Annotation
    """
    pixels = ax.figure.dpi / 72
    centers = ax.transData.transform(positions)
    size = radii[:, None] * pixels * np.ones(2)
    taken = np.concatenate([centers - size, centers + size], axis=1)
    window = ax.get_window_extent()
    texts = []
    for point, name in names:
        text = ax.annotate(
            name,
            positions[point],
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize="small",
            path_effects=[_halo(ax)],
        )
        extent = text.get_window_extent()
        half = np.array([extent.width, extent.height]) / 2
        shift = sides * (half + (radii[point] + GAP) * pixels)
        boxes = np.concatenate([centers[point] + shift - half, centers[point] + shift + half], 1)
        free = np.flatnonzero(~_overlap(boxes, taken).any(axis=1) & _inside(boxes, window))
        if not len(free):
            text.remove()
            continue
        text.set(x=shift[free[0], 0] / pixels, y=shift[free[0], 1] / pixels)
        taken = np.concatenate([taken, boxes[free[:1]]])
        texts.append(text)
    return texts


def _halo(ax: Any) -> Any:
    """A rim in the colour of the background, which sets a name off the lines behind it."""
    from matplotlib.patheffects import withStroke

    return withStroke(linewidth=2, foreground=ax.get_facecolor())


def _overlap(boxes: Floats, others: Floats) -> NDArray[np.bool_]:
    """Mask (n_boxes, n_others) of boxes (x0, y0, x1, y1) that have an area in common."""
    one, other = boxes[:, None], others[None]
    return np.all((one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:]), axis=2)


def _inside(boxes: Floats, window: Any) -> NDArray[np.bool_]:
    """Which boxes do not stick out."""
    return np.all((boxes[:, :2] >= window.min) & (boxes[:, 2:] <= window.max), axis=1)
