"""Tension tests of plates with cuts in their sides, on meshes of varied shape."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from skmanifold.datasets._mesh_dataset import MeshDataset
from skmanifold.datasets._mesh_elements import Elements, linear_elements, quadratic_elements
from skmanifold.datasets._mesh_runs import Run, check_flag, check_mesh_size, drawn, simulated
from skmanifold.datasets._mesh_solid import Material, Solid, SolidState, von_mises
from skmanifold.datasets._mesher import IntArray, mesh_region, shuffled
from skmanifold.datasets._sample import FloatArray
from skmanifold.mesh import MeshSample

_HEIGHT = 2.0
_MESH_SIZE, _GRID_SIZE = 0.045, 0.12
_N_FINE = 2001  # points of the polylines that stand for the curved sides

_SHAPES = {
    "width": (1.0, 1.3),
    "right_depth": (0.15, 0.3),
    "right_height": (0.65, 1.35),
    "right_half_length": (0.25, 0.4),
    "left_depth": (0.15, 0.3),
    "left_height": (0.65, 1.35),
    "left_half_length": (0.25, 0.4),
}
_CONDITIONS = {
    "linear": {
        "traction": (50.0, 150.0),
        "young_modulus": (1e5, 2.2e5),
        "poisson_ratio": (0.2, 0.4),
    },
    # The lowest load makes every plate yield at a cut, the highest not yet through.
    "plastic": {
        "traction": (100.0, 160.0),
        "young_modulus": (1e5, 2.2e5),
        "poisson_ratio": (0.2, 0.4),
        "yield_stress": (160.0, 260.0),
        "hardening_modulus": (2e3, 2e4),
    },
}


def make_tensile_meshes(
    n_samples: int = 100,
    *,
    mesh_size: float | None = None,
    material: Literal["linear", "plastic"] = "linear",
    n_meshings: int = 1,
    structured: bool = False,
    cache: bool = True,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> MeshDataset:
    """Simulate tension tests of plates with smooth cuts in both sides, each on a mesh of its own.

    A plate is clamped along its lower edge and pulled at its upper one by an even traction, in
    plane strain. Its height is 2 mm; its width, and the depth, the height and the length of the
    cut on either side are drawn anew for each plate, and so are the traction and the material.
    Stresses are in MPa, which is N/mm^2.

    The meshes are unstructured, finer where a cut is sharp, and differ in density, numbering and
    order as meshes of different engineers do.

    Parameters
    ----------
    n_samples : int, default=100
        Number of plates.
    mesh_size : float or None, default=None
        Lengths of edges in mm far from the cuts; each mesh deviates from it by a factor of up to
        the square root of 2. None is 0.045, which leads to about 600 to 2500 nodes, or 0.12 where
        `structured`, which leads to about 90 to 350.
    material : {"linear", "plastic"}, default="linear"
        "linear" is elastic. "plastic" yields by the von Mises criterion and hardens linearly; every
        plate yields near its cuts, in 2 to 45% of its nodes; on coarse grids a few do not.
    n_meshings : int, default=1
        Number of independent meshes of each plate, on each of which the run is simulated.
    structured : bool, default=False
        Mapped grids of varied resolution, cut into triangles, with elements of first order: coarse
        and stiff, for tests, but fast and without a need for scikit-fem.
    cache : bool, default=True
        Keep the result on disk, in the folder `skmanifold` of
        :func:`sklearn.datasets.get_data_home`, which is `~/scikit_learn_data` unless it is told
        otherwise, and read it from there next time. Only for a `random_state` that is an
        integer; results of structured grids are never kept.
    n_jobs : int or None, default=None
        Number of runs at a time, by joblib. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed. The first plates of a larger sample are those of a smaller one.

    Returns
    -------
    data : MeshDataset
        With n_samples * n_meshings samples, the meshes of a plate one after the other.
        In `X`, `scalars` are "traction", "young_modulus", "poisson_ratio" and, if plastic,
        "yield_stress" and "hardening_modulus"; `fields` are the displacements "U1" to the right
        and "U2" upwards, the stresses "sig11", "sig22" and "sig12", and, if plastic, the
        accumulated "plastic_strain"; `landmarks` are the four corners counter-clockwise from the
        lower left. The columns of `y` are "max_von_mises" over the nodes, "max_U2_top" over the
        nodes of the upper edge, "external_work", which is the final force times the way that it
        has gone, for each mm of thickness, and, if plastic, "max_plastic_strain".

    Raises
    ------
    ImportError
        If scikit-fem is not installed, unless `structured`.
    TypeError
        If a parameter is not of its type.
    ValueError
        If `material` is another string, `n_samples` or `n_meshings` is below 1, or `mesh_size` not
        in [0.005, 0.15].

    See Also
    --------
    make_airfoil_meshes : Flows around airfoils, on meshes with a hole.

    Notes
    -----
    Elements are triangles of second order (unless `structured`). Fields at a node are means over
    the cells around it, weighed by their areas. The load of a plastic plate grows from the first
    yield on in four steps, each solved by Newton's method with the consistent tangent [2]_. The
    data are made in the image of the set Tensile2d of [1]_, with cuts of another shape.

    References
    ----------
    .. [1] F. Casenave, B. Staber, X. Roynard, "MMGP: a Mesh Morphing Gaussian Process-based machine
       learning method for regression of physical problems under non-parameterized geometrical
       variability", NeurIPS 2023.
    .. [2] J. C. Simo, T. J. R. Hughes, "Computational Inelasticity", Springer, 1998.

    Examples
    --------
    >>> from skmanifold.datasets import make_tensile_meshes
    >>> data = make_tensile_meshes(20, structured=True, random_state=0)
    >>> len(data.X), data.y.shape
    (20, (20, 3))
    >>> list(data.X[0].fields)
    ['U1', 'U2', 'sig11', 'sig22', 'sig12']
    """
    check_flag(structured, "structured")
    check_flag(cache, "cache")
    if material not in list(_CONDITIONS):  # a list takes what has no hash, too
        raise ValueError(f"material must be one of {sorted(_CONDITIONS)}, got {material!r}.")
    if mesh_size is None:
        mesh_size = _GRID_SIZE if structured else _MESH_SIZE
    check_mesh_size(mesh_size, 0.005, 0.15)
    size = float(mesh_size)
    return simulated(
        partial(_tension_test, mesh_size=size, material=material, structured=bool(structured)),
        n_samples,
        n_meshings,
        n_jobs=n_jobs,
        random_state=random_state,
        cache=cache and not structured,
        name="tensile",
        parameters={"mesh_size": size, "material": material},
    )


@dataclass(frozen=True)
class _Cut:
    """A smooth cut into one side: half a period of a cosine."""

    depth: float
    height: float
    half_length: float

    @property
    def radius(self) -> float:
        """Radius of curvature at its bottom."""
        return 2 * self.half_length**2 / (np.pi**2 * self.depth)

    def at(self, y: FloatArray) -> FloatArray:
        """Depth at heights `y`."""
        along = np.clip((y - self.height) / self.half_length, -1, 1)
        return np.asarray(self.depth * (1 + np.cos(np.pi * along)) / 2)


@dataclass(frozen=True)
class _Plate:
    width: float
    right: _Cut
    left: _Cut

    @classmethod
    def of(cls, shape: dict[str, float]) -> "_Plate":
        cuts = [
            _Cut(*(shape[f"{side}_{name}"] for name in ("depth", "height", "half_length")))
            for side in ("right", "left")
        ]
        return cls(shape["width"], *cuts)

    def sides(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Abscissas of the left and the right side at heights `y`."""
        return self.left.at(y) - self.width / 2, self.width / 2 - self.right.at(y)


def _tension_test(
    shape_rng: np.random.Generator,
    mesh_rng: np.random.Generator,
    *,
    mesh_size: float,
    material: str,
    structured: bool,
) -> Run:
    shape, scalars = drawn(_SHAPES, shape_rng), drawn(_CONDITIONS[material], shape_rng)
    plate = _Plate.of(shape)
    size = mesh_size * 2 ** mesh_rng.uniform(-0.5, 0.5)
    points, cells, corners = (_grid if structured else _mesh)(plate, size, mesh_rng)
    elements = (linear_elements if structured else quadratic_elements)(points, cells)
    pull = _pull(elements, scalars["traction"])
    moduli = {name: value for name, value in scalars.items() if name != "traction"}
    state = Solid(elements, Material(**moduli), _clamped(elements)).loaded(pull)
    fields, stresses = _fields(elements, state)
    if material == "linear":
        del fields["plastic_strain"]
    sample = MeshSample(points, cells, scalars, fields, corners)
    targets = {
        "max_von_mises": float(von_mises(stresses).max()),
        "max_U2_top": float(fields["U2"][points[:, 1] == _HEIGHT].max()),
        "external_work": float((pull * state.displacements).sum()),
    }
    if material == "plastic":
        targets["max_plastic_strain"] = float(fields["plastic_strain"].max())
    return Run(sample, targets, shape)


def _clamped(elements: Elements) -> np.ndarray:
    """Which displacements (n_nodes, 2) are held: both at the lower edge."""
    return np.repeat(elements.locations[:, 1:] == 0, 2, axis=1)


def _pull(elements: Elements, traction: float) -> FloatArray:
    """Forces (n_nodes, 2) of an even upward traction on the upper edge."""
    forces = np.zeros((elements.n_nodes, 2))
    top = elements.locations[:, 1] == _HEIGHT
    # The sides are upright at the upper corners, so that only the edge counts there as well.
    forces[top, 1] = traction * elements.boundary_loads(1)[top]
    return forces


def _fields(elements: Elements, state: SolidState) -> tuple[dict[str, FloatArray], FloatArray]:
    """Fields at the nodes of the mesh, and all stresses (n_nodes, 4) there."""
    stresses = elements.at_corners(state.stresses)
    displacements = state.displacements[: len(stresses)]
    fields = {
        "U1": displacements[:, 0],
        "U2": displacements[:, 1],
        "sig11": stresses[:, 0],
        "sig22": stresses[:, 1],
        "sig12": stresses[:, 3],
        "plastic_strain": elements.at_corners(state.accumulated),
    }
    return fields, stresses


def _mesh(
    plate: _Plate, size: float, rng: np.random.Generator
) -> tuple[FloatArray, IntArray, IntArray]:
    """An unstructured mesh, fine at the bottoms of the cuts, and its corners."""
    y = np.linspace(0, _HEIGHT, _N_FINE)
    left, right = (np.column_stack([x, y]) for x in plate.sides(y))
    across = np.linspace(-0.5, 0.5, _N_FINE)[:, None] * [plate.width, 0]
    cuts = plate.right, plate.left
    bottoms = np.array(
        [
            [plate.width / 2 - plate.right.depth, plate.right.height],
            [plate.left.depth - plate.width / 2, plate.left.height],
        ]
    )
    # A quarter of a circle of the bottom's radius is some ten edges.
    finest = size * np.array([0.15 * cut.radius / _MESH_SIZE for cut in cuts])

    def sizes(points: FloatArray) -> FloatArray:
        distances = np.linalg.norm(points[:, None] - bottoms, axis=2)
        return np.minimum(size, (finest + 0.25 * distances).min(axis=1))

    above = across[::-1] + np.array([0, _HEIGHT])
    points, cells, [corners] = mesh_region([[across, right, above, left[::-1]]], sizes, rng)
    return points, cells, corners


def _grid(
    plate: _Plate, size: float, rng: np.random.Generator
) -> tuple[FloatArray, IntArray, IntArray]:
    """A grid between the sides, its quadrangles cut into triangles, and its corners."""
    n_across, n_up = (max(4, round(length / size)) for length in (plate.width, _HEIGHT))
    y, across = np.meshgrid(
        np.linspace(0, _HEIGHT, n_up + 1), np.linspace(0, 1, n_across + 1), indexing="ij"
    )
    left, right = plate.sides(y)
    points = np.stack([left + across * (right - left), y], axis=2).reshape(-1, 2)
    name = np.arange(len(points)).reshape(y.shape)
    square = np.stack([name[:-1, :-1], name[:-1, 1:], name[1:, 1:], name[1:, :-1]], axis=2)
    square = square.reshape(-1, 4)
    # Along the shorter diagonal, or by chance where they are about the same.
    first = np.log(_diagonal_ratios(points[square])) < rng.normal(scale=0.1, size=len(square))
    square = np.where(first[:, None], square, np.roll(square, 1, axis=1))
    cells = np.concatenate([square[:, [0, 1, 2]], square[:, [0, 2, 3]]])
    corners = name[[0, 0, -1, -1], [0, -1, -1, 0]]
    points, cells, [corners] = shuffled(points, cells, [corners], rng)
    return points, cells, corners


def _diagonal_ratios(squares: FloatArray) -> FloatArray:
    """Length of the first diagonal over the second one, for quadrangles (n, 4, 2)."""
    first, second = (squares[:, k + 2] - squares[:, k] for k in (0, 1))
    return np.asarray(np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1))
