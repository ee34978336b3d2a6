"""From one mesh to another of the same topology: outlines matched, insides by harmonic maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.spatial import Delaunay

from skmanifold.exceptions import MeshError
from skmanifold.mesh._faces import IntArray
from skmanifold.mesh._harmonic import Weights, arc_fractions, disk_map, strip_map
from skmanifold.mesh._location import TURN, FlatMesh
from skmanifold.mesh._planar import cross
from skmanifold.mesh._sample import MeshSample
from skmanifold.mesh._topology import Surface, surface_of

FloatArray = NDArray[np.float64]
FLIPPED = -1e-14  # area on the disk below which a triangle is turned over, and not just thin
LEVEL = 1e-9  # share of the extent within which points are equally far to the left
RIMS = ("outline", "hole")
EMPTY: FloatArray = np.empty(0)
OUTLINE_SAMPLES = 128  # places along each rim at which outlines are compared


@dataclass(frozen=True)
class Morph:
    """One mesh laid onto the common support.

    Attributes
    ----------
    to_support : csr_array of shape (n_support_nodes, n_nodes)
        Takes values at the mesh's nodes to the support.
    from_support : csr_array of shape (n_nodes, n_support_nodes)
        Takes values on the support to the mesh's nodes.
    weights : str
        Which weights the harmonic map has, "none" where nothing was morphed.
    n_flips : int
        Triangles that the map turns over.
    smallest_angle : float
        Of the triangles laid flat, in degrees.
    clamped_share : float
        Share of the points, of the mesh and of the support, that lie beyond the other's outline.
    outline : ndarray of shape (n_outline, n_dims)
        Points of the mesh at equal angles around its rims; all nodes where nothing was morphed.
    """

    to_support: csr_array
    from_support: csr_array
    weights: str
    n_flips: int
    smallest_angle: float
    clamped_share: float
    outline: FloatArray


def rims_of(surface: Surface) -> list[IntArray]:
    """The outline and the hole, if there is one, both counter-clockwise."""
    outer, *holes = surface.loops
    return [outer, *(hole[::-1] for hole in holes)]


def split_landmarks(surface: Surface, landmarks: IntArray) -> list[IntArray]:
    """Places of the landmarks along the rims they are on.

    Raises
    ------
    MeshError
        If a landmark is not on a rim, or they do not follow one another counter-clockwise.
    """
    rims = rims_of(surface)
    missing = landmarks[~np.isin(landmarks, np.concatenate(rims))]
    if len(missing):
        raise MeshError(
            f"landmarks must be nodes of the outline or of the hole, but node {missing[0]} is not."
        )
    places = [np.array([], dtype=np.intp) for _ in rims]
    for number, rim in enumerate(rims):
        on_rim = landmarks[np.isin(landmarks, rim)]
        places[number] = np.array(
            [np.flatnonzero(rim == node)[0] for node in on_rim], dtype=np.intp
        )
        after_first = (places[number] - places[number][:1]) % len(rim)
        if (np.diff(after_first) <= 0).any():
            raise MeshError(
                "landmarks must follow one another counter-clockwise along each rim, without "
                f"repeats, got the nodes {on_rim.tolist()} at the places {after_first.tolist()} "
                "after the first."
            )
    return places


@dataclass(frozen=True, eq=False)
class Outlined:
    """A surface, and where the landmarks are along its rims.

    Attributes
    ----------
    surface : Surface
    places : list of ndarray
        For each rim, the places of its landmarks along it.
    """

    surface: Surface
    places: list[IntArray]

    @property
    def fractions(self) -> list[FloatArray]:
        """For each rim, the share of its length at which each landmark comes, from the first."""
        return [
            arc_fractions(self.surface.points, rim, places[0])[places] if len(places) else EMPTY
            for rim, places in zip(rims_of(self.surface), self.places, strict=True)
        ]

    def angles(self, fractions: Sequence[FloatArray]) -> list[FloatArray]:
        """Angles of the nodes of each rim, by arc length between landmarks.

        Parameters
        ----------
        fractions : sequence of ndarray
            For each rim, where its landmarks come to lie, in turns; the first is 0. A rim without
            any starts at its leftmost node, of those the lowest.

        Raises
        ------
        MeshError
            If a rim has another number of landmarks than there are fractions.
        """
        rims = rims_of(self.surface)
        return [
            TURN * _turns(self.surface.points, rim, places, aims, name)
            for name, rim, places, aims in zip(
                RIMS[: len(rims)], rims, self.places, fractions, strict=True
            )
        ]


def _turns(
    points: FloatArray, rim: IntArray, places: IntArray, aims: FloatArray, name: str
) -> FloatArray:
    """Shares of a turn for the nodes of one rim."""
    if len(places) != len(aims):
        raise MeshError(
            f"the {name} must have {len(aims)} landmarks, as in the training meshes, and has "
            f"{len(places)}."
        )
    if len(places) == 0:
        return arc_fractions(points, rim, _corner(points[rim]))
    own = arc_fractions(points, rim, places[0])
    return np.interp(own, [*own[places], 1.0], [*aims, 1.0])


def _corner(points: FloatArray) -> int:
    """The leftmost point, of those the lowest."""
    margin = LEVEL * np.ptp(points, axis=0).max()
    chosen = np.arange(len(points))
    for axis in points.T:
        chosen = chosen[axis[chosen] <= axis[chosen].min() + margin]
    return int(chosen[0])


def common_kind(outlined: Mapping[int, Outlined]) -> str:
    """The topology of the meshes.

    Raises
    ------
    MeshError
        If they differ in it, with their keys as indices of samples.
    """
    first, *others = outlined
    kind = outlined[first].surface.kind
    for index in others:
        other = outlined[index].surface.kind
        if other != kind:
            raise MeshError(
                f"X[{index}] is of the topology {other!r} and X[{first}] of {kind!r}; meshes of "
                "one fit must agree."
            )
    return kind


def mean_fractions(outlined: Mapping[int, Outlined]) -> tuple[FloatArray, ...]:
    """Mean places of the landmarks along each rim.

    Raises
    ------
    MeshError
        If the meshes differ in their numbers of landmarks, with their keys as indices of samples.
    """
    fractions = [each.fractions for each in outlined.values()]
    counts = [[len(rim) for rim in each] for each in fractions]
    first = next(iter(outlined))
    for index, count in zip(outlined, counts, strict=True):
        if count != counts[0]:
            raise MeshError(
                f"X[{index}] has {count} landmarks on its rims and X[{first}] has {counts[0]}; "
                "every mesh must mark the same places."
            )
    return tuple(np.mean(rim, axis=0) for rim in zip(*fractions, strict=True))


def flattened(outlined: Outlined, fractions: Sequence[FloatArray], weights: Weights) -> FlatMesh:
    """The surface on the unit disk or around the cylinder, as it has no hole or one."""
    angles = outlined.angles(fractions)
    if outlined.surface.kind == "disk":
        return disk_map(outlined.surface, angles[0], weights)
    return strip_map(outlined.surface, (angles[0], angles[1][::-1]), weights)


def n_flips(flat: FlatMesh) -> int:
    """Triangles that are turned over."""
    return int((flat.areas < FLIPPED).sum())


def smallest_angle(corners: FloatArray) -> float:
    """The smallest angle of the triangles (n, 3, 2), in degrees."""
    one = np.roll(corners, -1, axis=1) - corners
    other = np.roll(corners, -2, axis=1) - corners
    return float(np.degrees(np.arctan2(np.abs(cross(one, other)), (one * other).sum(axis=2)).min()))


def morph_between(flat: FlatMesh, support: FlatMesh, weights: str, around: FloatArray) -> Morph:
    """Interpolation from one flat mesh to another and back, with diagnostics."""
    to_support, clamped = flat.interpolation(support.nodes)
    from_support, clamped_back = support.interpolation(flat.nodes)
    share = float(np.concatenate([clamped, clamped_back]).mean())
    angle = smallest_angle(flat.corners)
    return Morph(to_support, from_support, weights, n_flips(flat), angle, share, around)


def outline(outlined: Outlined, fractions: Sequence[FloatArray]) -> FloatArray:
    """Points at equal angles around the rims (n_rims * OUTLINE_SAMPLES, n_dims)."""
    grid = TURN * np.arange(OUTLINE_SAMPLES) / OUTLINE_SAMPLES
    rims = zip(rims_of(outlined.surface), outlined.angles(fractions), strict=True)
    return np.concatenate([_around(grid, turn, outlined.surface.points[rim]) for rim, turn in rims])


def _around(grid: FloatArray, angles: FloatArray, points: FloatArray) -> FloatArray:
    """Points of a loop interpolated at the angles of a grid."""
    return np.column_stack([np.interp(grid, angles, column, period=TURN) for column in points.T])


def regular_disk(n_nodes: int) -> FlatMesh:
    """About so many nodes on concentric rings of the unit disk."""
    n_rings = max(1, round((-3 + np.sqrt(9 + 12 * (n_nodes - 1))) / 6))
    rings = [np.zeros((1, 2))]
    for ring in range(1, n_rings + 1):
        turns = TURN * np.arange(6 * ring) / (6 * ring)
        rings.append(ring / n_rings * np.column_stack([np.cos(turns), np.sin(turns)]))
    nodes = np.concatenate(rings)
    triangles = Delaunay(nodes).simplices.astype(np.intp)
    rim = np.arange(len(nodes) - 6 * n_rings, len(nodes))
    flat = FlatMesh(nodes, triangles, nodes[triangles])
    turned = flat.areas < 0
    triangles[turned] = triangles[turned][:, ::-1]
    return FlatMesh(nodes, triangles, nodes[triangles], rims=(rim,))


def regular_strip(n_nodes: int) -> FlatMesh:
    """About so many nodes on a grid around the cylinder of height 1 and circumference 2 pi."""
    n_around = max(3, round(np.sqrt(TURN * n_nodes)))
    n_up = max(2, round(n_nodes / n_around))
    grid = np.arange(n_around * n_up).reshape(n_up, n_around)
    turn, height = np.meshgrid(TURN * np.arange(n_around) / n_around, np.linspace(0, 1, n_up))
    nodes = np.column_stack([turn.ravel(), height.ravel()])
    low, high = grid[:-1], grid[1:]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    halves = [(low, low_next, high_next), (low, high_next, high)]
    triangles = np.concatenate([np.stack(half, axis=-1).reshape(-1, 3) for half in halves])
    corners = nodes[triangles]
    behind = corners[:, :1, 0] - corners[..., 0] > np.pi
    corners[..., 0] += TURN * behind
    return FlatMesh(nodes, triangles, corners, rims=(grid[0], grid[-1]), period=TURN)


@dataclass(frozen=True)
class MorphPlan:
    """What all morphs of a fit have in common.

    Attributes
    ----------
    kind : {"disk", "annulus", "shared"}
        Shape that the meshes are laid onto. "shared" lays nothing: nodes correspond by number.
    weights : str
        "auto" or a kind of weights.
    landmarks : bool
        Whether landmarks are matched, or arc length alone.
    fractions : tuple of ndarray
        For each rim, where the landmarks lie, in turns.
    support : FlatMesh or None
        None for "shared".
    cells : ndarray or None
        The cells that all meshes must have, for "shared".
    n_nodes : int or None
        The number of nodes that all must have then.
    """

    kind: str
    weights: Weights | Literal["auto"]
    landmarks: bool = False
    fractions: tuple[FloatArray, ...] = ()
    support: FlatMesh | None = None
    cells: IntArray | None = None
    n_nodes: int | None = None

    def landmarks_of(self, sample: MeshSample) -> IntArray:
        """The landmarks to match, or none.

        Raises
        ------
        MeshError
            If there should be some and are none.
        """
        if not self.landmarks:
            return np.array([], dtype=np.intp)
        if sample.landmarks is None:
            raise MeshError(
                "landmarks are missing, by which outlines are matched here; give them, or fit with "
                'boundary="arclength".'
            )
        return sample.landmarks

    def outlined(self, sample: MeshSample) -> "Outlined":
        """The surface of a mesh and its landmarks.

        Raises
        ------
        MeshError
            If it is no surface of the kind of this plan, or its landmarks are amiss.
        """
        surface = surface_of(sample.points, sample.cells)
        if self.kind not in ("auto", surface.kind):
            raise MeshError(
                f"the mesh is of the topology {surface.kind!r}, and {self.kind!r} is wanted."
            )
        if surface.kind == "annulus" and surface.points.shape[1] == 3:
            raise MeshError("a mesh with a hole must lie in the plane, and this one is in space.")
        return Outlined(surface, split_landmarks(surface, self.landmarks_of(sample)))

    def flat_mesh(self, outlined: "Outlined") -> tuple[FlatMesh, str]:
        """The surface laid flat, and the weights that did it."""
        chosen = self.weights
        weights: Weights = "cotangent" if chosen == "auto" else chosen
        flat = flattened(outlined, self.fractions, weights)
        if chosen == "auto" and n_flips(flat):
            weights = "mean_value"
            flat = flattened(outlined, self.fractions, weights)
        return flat, weights

    def morph(self, sample: MeshSample) -> Morph:
        """Lay one mesh onto the support.

        Raises
        ------
        MeshError
            If it cannot be.
        """
        if self.support is None:
            return self._shared(sample)
        outlined = self.outlined(sample)
        flat, weights = self.flat_mesh(outlined)
        return morph_between(flat, self.support, weights, outline(outlined, self.fractions))

    def _shared(self, sample: MeshSample) -> Morph:
        """Node by node."""
        if self.cells is None or not np.array_equal(sample.cells, self.cells):
            raise MeshError(
                'the cells differ from those of the first training mesh, and topology="shared" '
                "wants the same for all."
            )
        if sample.n_nodes != self.n_nodes:
            raise MeshError(
                f"there are {sample.n_nodes} nodes, and {self.n_nodes} in the first training mesh; "
                'topology="shared" wants as many in all.'
            )
        same = csr_array(eye_array(sample.n_nodes))
        return Morph(same, same, "none", 0, np.nan, 0.0, sample.points)


def medoid(outlines: FloatArray) -> int:
    """The outline (of n, points, dims) that is the nearest to the mean outline."""
    return int(((outlines - outlines.mean(axis=0)) ** 2).sum(axis=(1, 2)).argmin())
