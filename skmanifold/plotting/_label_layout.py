"""Where to draw the labels of a label space."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from skmanifold.label_space import EuclideanSpace, GraphSpace, LabelSpace, TreeSpace
from skmanifold.linalg import classical_mds, smacof
from skmanifold.plotting._tree_layout import (
    Floats,
    Ints,
    indented,
    on_paths,
    ordered_tree,
    part_of,
    radial,
)

MAX_ROWS = 60  # nodes of a tree that are listed with their names
MAX_WHOLE_TREE = 2000  # nodes of a tree that are drawn all; of larger ones, the paths in use
MAX_SCALED = 2000  # labels that are placed by their distances, whose cost is cubic
MAX_REFINED = 1000  # labels whose scaling is refined, in less than a second
MAX_EDGES = 5000  # of a graph; more would be a grey cloud


class LabelLayout(NamedTuple):
    """Nodes of a label space in the plane.

    Attributes
    ----------
    kind : {"list", "circle", "line", "grid", "plane", "scaled"}
    nodes : ndarray of shape (n_drawn,)
    positions : ndarray of shape (n_drawn, 2)
    lines : ndarray of shape (n_lines, n_points, 2)
        Edges of trees and graphs.
    used : ndarray of shape (n_lines,)
        Which lines are on a path between seen nodes of a tree.
    """

    kind: str
    nodes: Ints
    positions: Floats
    lines: Floats
    used: NDArray[np.bool_]


def label_layout(space: LabelSpace, seen: Ints, marked: Ints) -> LabelLayout:
    """The layout for the kind of space.

    Parameters
    ----------
    space : LabelSpace
    seen : ndarray of shape (n_seen,)
        Nodes of the seen classes.
    marked : ndarray of shape (n_marked,)
        Different nodes, the most important ones first: they are drawn where not all are.
    """
    if isinstance(space, TreeSpace):
        return _tree_layout(space, seen, marked)
    if isinstance(space, EuclideanSpace) and space.points.shape[1] <= 2:
        return _point_layout(space)
    return _scaled_layout(space, marked)


def _tree_layout(space: TreeSpace, seen: Ints, marked: Ints) -> LabelLayout:
    """All of a small tree; of a large one what lies between marked nodes."""
    tree = ordered_tree(space.adjacency, int(np.flatnonzero(space.parent < 0)[0]))
    if len(tree.nodes) > MAX_WHOLE_TREE and len(marked):
        tree = part_of(tree, on_paths(tree, np.isin(tree.nodes, marked)))
    kind, place = ("list", indented) if len(tree.nodes) <= MAX_ROWS else ("circle", radial)
    positions, lines = place(tree)
    used = on_paths(tree, np.isin(tree.nodes, seen))
    return LabelLayout(kind, tree.nodes, positions, lines, used[1:] & used[tree.parent[1:]])


def _point_layout(space: EuclideanSpace) -> LabelLayout:
    """Points on a line or in the plane as they are; a grid as a matrix is printed."""
    points = space.points.astype(np.float64)
    if points.shape[1] == 1:
        return _without_lines("line", np.column_stack([points, np.zeros(len(points))]))
    if _is_grid(space.names, points):
        return _without_lines("grid", points[:, ::-1])
    return _without_lines("plane", points)


def _is_grid(names: NDArray, points: Floats) -> bool:
    """Whether labels are numbers of cells, row by row, and points the indices of these."""
    shape = tuple((points.max(axis=0) + 1).astype(int))
    if names.dtype.kind != "i" or min(shape) < 1 or np.prod(shape) != len(points):
        return False
    cells = np.arange(len(points))
    indices = np.stack(np.unravel_index(cells, shape), axis=1)
    return np.array_equal(names, cells) and np.array_equal(points, indices)


def _without_lines(kind: str, positions: Floats) -> LabelLayout:
    nodes = np.arange(len(positions))
    return LabelLayout(kind, nodes, positions, np.empty((0, 2, 2)), np.empty(0, dtype=bool))


def _scaled_layout(space: LabelSpace, marked: Ints) -> LabelLayout:
    """Positions whose distances are near those of the metric."""
    nodes = _most_important(len(space.names), marked)
    distances = torch.from_numpy(space.distances(nodes, nodes).astype(np.float64))
    positions = _scaled(distances).numpy()
    lines = np.empty((0, 2, 2))
    if isinstance(space, GraphSpace):
        lines = _edges(space, nodes, positions)
    return LabelLayout("scaled", nodes, positions, lines, np.zeros(len(lines), dtype=bool))


def _scaled(distances: torch.Tensor) -> torch.Tensor:
    """Classical scaling, where it is cheap followed by metric scaling.

    That tells apart what classical scaling puts into one place, such as siblings in a taxonomy,
    if they do not start from there exactly.
    """
    positions = classical_mds(distances, 2)
    if len(positions) > MAX_REFINED:
        return positions
    noise = np.random.default_rng(0).normal(scale=0.05, size=(len(positions), 2))
    return smacof(distances, positions + positions.std() * torch.from_numpy(noise))[0]


def _most_important(n_nodes: int, marked: Ints) -> Ints:
    """As many nodes as can be scaled, in ascending order: marked ones, then any, evenly spread."""
    if n_nodes <= MAX_SCALED:
        return np.arange(n_nodes)
    others = np.setdiff1d(np.arange(n_nodes), marked)
    room = max(MAX_SCALED - len(marked), 0)
    spread = others[np.linspace(0, len(others) - 1, room).astype(np.intp)]
    return np.sort(np.concatenate([marked[:MAX_SCALED], spread]))


def _edges(space: GraphSpace, nodes: Ints, positions: Floats) -> Floats:
    """Lines of the edges between some nodes, if they are few."""
    inside = space.adjacency[nodes][:, nodes].tocoo()
    once = inside.row < inside.col
    if once.sum() > MAX_EDGES:
        return np.empty((0, 2, 2))
    return np.stack([positions[inside.row[once]], positions[inside.col[once]]], axis=1)
