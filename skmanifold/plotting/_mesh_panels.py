"""Panels that each show one field on a mesh, flat or in space."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skmanifold.mesh._quads import split_quads
from skmanifold.plotting._color import scale as color_scale

FloatArray = NDArray[np.float64]

_WIDEST = 12.0  # inches of a figure, and what fits a page
_LONGEST = 3.6  # inches of the longer side of a mesh in a figure of several
_ROOM = 1.1  # inches beside or beneath a mesh for the colour bar and its numbers
_TITLE = 0.35  # inches above a mesh for the title
_BAR = 0.11  # inches that a colour bar is thick
_WIDE = 1.8  # width over height from which a colour bar lies beneath its mesh, not beside it


class Panel(NamedTuple):
    """Values of shape (n_nodes,), their title and the label, limits and map of their colours."""

    title: str
    values: FloatArray
    label: str
    limits: tuple[float, float]
    cmap: Any


class DrawnMesh(NamedTuple):
    """Positions (n_nodes, 2 or 3), triangles (m, 3), and edges (e, 2) that outline the mesh."""

    points: FloatArray
    triangles: NDArray[np.intp]
    outline: NDArray[np.intp]

    @property
    def solid(self) -> bool:
        """Whether the mesh lies in space."""
        return self.points.shape[1] == 3

    @property
    def width_over_height(self) -> float:
        """Of the picture of the mesh: in space, of the box around it as it is looked at."""
        if self.solid:
            return 1.2
        width, height = np.ptp(self.points, axis=0)
        return float(np.clip(width / max(height, 1e-12), 0.1, 10))


def drawn_mesh(points: FloatArray, cells: NDArray[np.intp]) -> DrawnMesh:
    """The mesh as triangles, and the edges that only one of them has."""
    triangles = split_quads(points, cells)
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, counts = np.unique(edges, axis=0, return_counts=True)
    return DrawnMesh(points, triangles, edges[counts == 1])


def arranged(mesh: DrawnMesh, n_panels: int) -> tuple[tuple[int, int], tuple[float, float]]:
    """Rows and columns of panels, and the size in inches of a figure that they fill."""
    ratio = mesh.width_over_height
    width, height = _LONGEST * min(ratio, 1), _LONGEST / max(ratio, 1)
    if n_panels == 1:
        width, height = 1.5 * width, 1.5 * height
    beneath = lies_beneath(mesh)
    width, height = max(width, 1.2) + _ROOM * (not beneath), height + _TITLE + 0.6 * beneath

    def size(n_columns: int) -> tuple[float, float]:
        return width * n_columns, height * -(-n_panels // n_columns)

    # Three panels side by side or one above the other, four in a square as well.
    shapes = [n for n in range(1, n_panels + 1) if n_panels % n == 0]
    fitting = [n for n in shapes if size(n)[0] <= _WIDEST] or [1]
    # Screens and pages are half as wide again as high.
    best = min(fitting, key=lambda n: abs(np.log(size(n)[0] / size(n)[1] / 1.5)))
    return (n_panels // best, best), (max(size(best)[0], 2.5), max(size(best)[1], 2.0))


def lies_beneath(mesh: DrawnMesh) -> bool:
    """Whether colour bars lie beneath the mesh, along its longer side."""
    return not mesh.solid and mesh.width_over_height > _WIDE


def draw_panel(ax: Any, mesh: DrawnMesh, panel: Panel, *, edges: bool, **kwargs: Any) -> Any:
    """Draw the field and the outline of the mesh; returns what is coloured."""
    draw = _draw_surface if mesh.solid else _draw_plane
    style = {"cmap": color_scale(panel.cmap), "edges": edges}
    field = draw(ax, mesh, panel.values, **style | kwargs)
    field.set_clim(*panel.limits)
    ax.set_title(panel.title, fontsize="medium")
    return field


def _draw_plane(ax: Any, mesh: DrawnMesh, values: FloatArray, *, edges: bool, **kwargs: Any) -> Any:
    from matplotlib.collections import LineCollection

    # Files for print would otherwise hold a path for each triangle.
    style = {"shading": "gouraud", "rasterized": True} | kwargs
    field = ax.tripcolor(*mesh.points.T, mesh.triangles, values, **style)
    if edges:
        ax.triplot(*mesh.points.T, mesh.triangles, color="black", linewidth=0.2, alpha=0.4)
    outline = LineCollection(mesh.points[mesh.outline], colors="0.25", linewidths=0.6)
    ax.add_collection(outline)
    ax.set_aspect("equal")
    ax.margins(0.02)
    ax.set_axis_off()
    return field


def _draw_surface(
    ax: Any, mesh: DrawnMesh, values: FloatArray, *, edges: bool, **kwargs: Any
) -> Any:
    style = {"linewidth": 0.2 if edges else 0, "antialiased": edges, "shade": False} | kwargs
    if edges:
        style = {"edgecolor": (0, 0, 0, 0.4)} | style
    field = ax.plot_trisurf(*mesh.points.T, triangles=mesh.triangles, **style)
    field.set_array(values[mesh.triangles].mean(axis=1))  # matplotlib would colour by height
    ax.set_proj_type("ortho")
    low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
    # A flat side still needs a window that floats can tell.
    half = np.maximum(high - low, 1e-3 * (high - low).max()) / 2
    middle = (low + high) / 2
    ax.set(**{f"{axis}lim": (m - h, m + h) for axis, m, h in zip("xyz", middle, half, strict=True)})
    ax.set_box_aspect(np.maximum(half, 0.02 * half.max()), zoom=1.05)
    ax.set_axis_off()
    return field


def add_bar(ax: Any, mesh: DrawnMesh, field: Any, label: str) -> Any:
    """A colour bar beside the mesh or beneath it, as long as it where the layout makes room."""
    way = "horizontal" if lies_beneath(mesh) else "vertical"
    if ax.figure.get_layout_engine() is None:  # what lies outside of the axes may be hidden
        bar = ax.figure.colorbar(field, ax=ax, orientation=way, shrink=0.75, pad=0.04)
    else:
        bar = ax.figure.colorbar(field, cax=ax.inset_axes(_bar_place(ax, mesh)), orientation=way)
    bar.set_label(label, fontsize="small")
    bar.ax.tick_params(labelsize="small")
    bar.outline.set_linewidth(0.5)
    bar.formatter.set_powerlimits((-3, 4))
    bar.locator = _few_ticks()
    bar.update_ticks()
    numbers = bar.ax.xaxis if way == "horizontal" else bar.ax.yaxis
    numbers.OFFSETTEXTPAD = 7  # above the number at the end of the bar
    numbers.get_offset_text().set(
        fontsize="small", horizontalalignment="right" if way == "horizontal" else "left"
    )
    return bar


def _bar_place(ax: Any, mesh: DrawnMesh) -> list[float]:
    """Left, bottom, width and height of a colour bar, as shares of the axes of a mesh."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    if lies_beneath(mesh):
        thick = _BAR / max(min(box.height, box.width / mesh.width_over_height), _BAR)
        return [0.0, -1.5 * thick, 1.0, thick]
    thick = _BAR / max(min(box.width, box.height * mesh.width_over_height), _BAR)
    return [1.0 + 0.6 * thick, 0.04, thick, 0.88]


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)
