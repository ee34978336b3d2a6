"""Flows around airfoils, on meshes with one hole."""

from functools import partial

import numpy as np

from skmanifold.datasets._mesh_dataset import MeshDataset
from skmanifold.datasets._mesh_elements import Elements, SymmetricSystem, quadratic_elements
from skmanifold.datasets._mesh_runs import Run, check_mesh_size, drawn, simulated
from skmanifold.datasets._mesher import IntArray, boundary_edges, mesh_region
from skmanifold.datasets._sample import FloatArray
from skmanifold.mesh import MeshSample

_RADIUS = 5.0  # of the outer circle, whose centre is a quarter of the chord
_CENTRE = np.array([0.25, 0.0])
_DENSITY = 1.225  # of air, in kg/m^3
_N_FINE = 1001  # points of the polylines that stand for the curved sides
_TRAILING, _LEADING = np.array([1.0, 0.0]), np.array([0.0, 0.0])

_SHAPES = {
    "thickness": (0.09, 0.2),
    "camber": (0.0, 0.06),
    "camber_position": (0.3, 0.6),
}
_CONDITIONS = {"angle_of_attack": (-4.0, 10.0), "speed": (20.0, 60.0)}


def make_airfoil_meshes(
    n_samples: int = 100,
    *,
    mesh_size: float = 0.018,
    n_meshings: int = 1,
    cache: bool = True,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> MeshDataset:
    """Simulate flows around airfoils of varied shape, each on a mesh of its own with a hole.

    An airfoil has a chord of 1 m, along which the first axis runs, and lies in a circle of radius
    5 m about a quarter of it. Its thickness, its camber and the place of the camber are drawn anew
    for each one, and so are the angle of attack and the speed of the air. The flow is plane, free
    of friction and incompressible, and leaves the trailing edge smoothly: the condition of Kutta,
    which fixes the circulation and so the lift.

    The meshes are unstructured, fine at the airfoil and coarse far from it, and differ in density,
    numbering and order.

    Parameters
    ----------
    n_samples : int, default=100
        Number of airfoils.
    mesh_size : float, default=0.018
        Lengths of edges in m in the middle of the airfoil's sides; at its ends they are shorter,
        and those far away grow in proportion. Each mesh deviates from it by a factor of up to the
        square root of 2. The default leads to about 700 to 3500 nodes.
    n_meshings : int, default=1
        Number of independent meshes of each airfoil, on each of which the run is simulated.
    cache : bool, default=True
        Keep the result on disk, in the folder `skmanifold` of
        :func:`sklearn.datasets.get_data_home`, which is `~/scikit_learn_data` unless it is told
        otherwise, and read it from there next time. Only for a `random_state` that is an
        integer.
    n_jobs : int or None, default=None
        Number of runs at a time, by joblib. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed. The first airfoils of a larger sample are those of a smaller one.

    Returns
    -------
    data : MeshDataset
        With n_samples * n_meshings samples, the meshes of an airfoil one after the other.
        In `X`, `scalars` are the "angle_of_attack" in degrees, positive from below, and the
        "speed" in m/s; `fields` are the velocities "u" along the chord and "v" across it, and the
        "pressure" in Pa above that far away, by Bernoulli's law for air; `landmarks` are the node
        of the circle straight behind the airfoil, the trailing edge and the leading edge. The
        columns of `y` are without unit: "lift_coefficient", "moment_coefficient" about a quarter of
        the chord, positive where the nose goes up, and "min_pressure_coefficient" over the nodes.

    Raises
    ------
    ImportError
        If scikit-fem is not installed.
    TypeError
        If a parameter is not of its type.
    ValueError
        If `n_samples` or `n_meshings` is below 1, or `mesh_size` not in [0.005, 0.03].

    See Also
    --------
    make_tensile_meshes : Tension tests of plates, on meshes without hole.

    Notes
    -----
    Airfoils are those of the four-digit series of NACA [1]_ with a closed trailing edge. The stream
    function is solved for by triangles of second order; on the circle it is that of the undisturbed
    air and a vortex. Fields at a node are means over the cells around it, weighed by their areas.

    References
    ----------
    .. [1] I. H. Abbott, A. E. von Doenhoff, "Theory of Wing Sections", Dover, 1959.

    Examples
    --------
    >>> from skmanifold.datasets import make_airfoil_meshes
    >>> data = make_airfoil_meshes(50, random_state=0)  # doctest: +SKIP
    >>> data.target_names  # doctest: +SKIP
    ('lift_coefficient', 'moment_coefficient', 'min_pressure_coefficient')
    """
    check_mesh_size(mesh_size, 0.005, 0.03)
    return simulated(
        partial(_flow, mesh_size=float(mesh_size)),
        n_samples,
        n_meshings,
        n_jobs=n_jobs,
        random_state=random_state,
        cache=cache,
        name="airfoil",
        parameters={"mesh_size": float(mesh_size)},
    )


def _flow(
    shape_rng: np.random.Generator, mesh_rng: np.random.Generator, *, mesh_size: float
) -> Run:
    shape, scalars = drawn(_SHAPES, shape_rng), drawn(_CONDITIONS, shape_rng)
    size = mesh_size * 2 ** mesh_rng.uniform(-0.5, 0.5)
    points, cells, landmarks = _mesh(
        airfoil(**shape), size, 1.1 * shape["thickness"] ** 2, mesh_rng
    )
    velocities, circulation = potential_flow(points, cells, scalars["angle_of_attack"])
    coefficients = 1 - np.square(velocities).sum(axis=1)  # of the pressure
    u, v = scalars["speed"] * velocities.T
    pressure = _DENSITY / 2 * scalars["speed"] ** 2 * coefficients
    fields = {"u": u, "v": v, "pressure": pressure}
    targets = {
        "lift_coefficient": 2 * circulation,
        "moment_coefficient": _moment(points, cells, coefficients),
        "min_pressure_coefficient": float(coefficients.min()),
    }
    return Run(MeshSample(points, cells, scalars, fields, landmarks), targets, shape)


def airfoil(thickness: float, camber: float, camber_position: float) -> FloatArray:
    """An airfoil as a polyline (n, 2), clockwise from the trailing edge by way of the lower side.

    Lengths are in units of the chord, from (0, 0) to (1, 0).
    """
    x = (1 - np.cos(np.linspace(0, np.pi, _N_FINE))) / 2  # crowded at both ends
    half = thickness * np.polyval([-0.5180, 1.4215, -1.7580, -0.6300, 0.0], x)
    half += thickness * 1.4845 * np.sqrt(x)
    position = camber_position
    reach = np.where(x < position, position, 1 - position)
    line = camber * (1 - np.square((x - position) / reach))
    slope = -2 * camber * (x - position) / reach**2
    normal = np.column_stack([-slope, np.ones(_N_FINE)]) / np.hypot(1, slope)[:, None]
    middle, offset = np.column_stack([x, line]), half[:, None] * normal
    lower, upper = middle - offset, middle + offset
    outline = np.concatenate([lower[::-1], upper[1:]])
    outline[[0, -1]] = _TRAILING  # where rounding leaves a gap
    outline[_N_FINE - 1] = _LEADING
    return outline


def _mesh(
    outline: FloatArray, size: float, nose_radius: float, rng: np.random.Generator
) -> tuple[FloatArray, IntArray, IntArray]:
    """A mesh between the airfoil and the circle, and the landmarks."""
    lower, upper = outline[:_N_FINE], outline[_N_FINE - 1 :]
    angles = np.linspace(0, 2 * np.pi, _N_FINE)
    circle = _CENTRE + _RADIUS * np.column_stack([np.cos(angles), np.sin(angles)])
    circle[-1] = circle[0]
    ends = np.array([_TRAILING, _LEADING])
    # In units of `size`; by default a radius at the leading edge is some eight edges.
    finest = np.array([0.1, min(6 * nose_radius, 0.3)])
    growth = min(10 * size, 0.3)  # of the cells with the distance from the airfoil

    def sizes(points: FloatArray) -> FloatArray:
        from_chord = points - np.clip(points, [0, 0], [1, 0])
        distances = np.linalg.norm(points[:, None] - ends, axis=2)
        near = size * np.minimum((finest + 7.5 * distances).min(axis=1), 1)
        return near + growth * np.linalg.norm(from_chord, axis=1)

    points, cells, [outer, inner] = mesh_region([[circle], [lower, upper]], sizes, rng)
    return points, cells, np.concatenate([outer, inner])


def potential_flow(points: FloatArray, cells: IntArray, angle: float) -> tuple[FloatArray, float]:
    """Flow of unit speed around the hole of a mesh, whose trailing edge is at (1, 0).

    Parameters
    ----------
    points : ndarray of shape (n_nodes, 2)
    cells : ndarray of shape (n_cells, 3)
    angle : float
        From where the air comes, in degrees, positive from below.

    Returns
    -------
    velocities : ndarray of shape (n_nodes, 2)
    circulation : float
        Positive where it lifts.
    """
    elements = quadratic_elements(points, cells)
    edges = _boundary_edges(elements)
    at_hole = np.linalg.norm(elements.locations - _CENTRE, axis=1) < _RADIUS / 2
    rim = np.isin(np.arange(elements.n_nodes), edges)
    # The vortex's own stream function is constant on a circle around it. The constant can be left
    # out, as the value at the airfoil, which sets the circulation, is free.
    turn = np.deg2rad(angle)
    undisturbed = elements.locations @ [-np.sin(turn), np.cos(turn)]
    given = np.column_stack([rim & ~at_hole, rim & at_hole]).astype(np.float64)
    given[:, 0] *= undisturbed
    blocks = elements.laplacians()
    system = SymmetricSystem(elements.nodes, rim)
    solutions = given - system.solve(blocks, elements.products(blocks, given))
    parts = elements.at_corners(elements.derivatives(solutions))
    parts = np.stack([parts[..., 1], -parts[..., 0]], axis=1)
    share = _share_of_kutta(points, edges, parts)
    reactions = elements.products(blocks, solutions)[rim & at_hole].sum(axis=0)
    return parts @ [1, share], float(-reactions @ [1, share])


def _share_of_kutta(points: FloatArray, edges: IntArray, parts: FloatArray) -> float:
    """Share of the second flow in `parts` (n_nodes, 2, 2) with which the trailing edge is smooth.

    The speeds towards it are then the same along the edges on both sides.
    """
    trailing = np.flatnonzero((points == _TRAILING).all(axis=1))
    ends = edges[(edges == trailing).any(axis=1)][:, :2].sum(axis=1) - trailing
    ways = _TRAILING - points[ends]
    speeds = np.einsum("nd,nds->ns", ways / np.linalg.norm(ways, axis=1)[:, None], parts[ends])
    uneven = speeds[0] - speeds[1]
    return float(-uneven[0] / uneven[1])


def _boundary_edges(elements: Elements) -> IntArray:
    """Start, end and middle of the edges (n, 3) that belong to one cell of second order only."""
    edges = elements.nodes[:, [[0, 1, 3], [1, 2, 4], [0, 2, 5]]].reshape(-1, 3)
    return edges[np.bincount(edges[:, 2])[edges[:, 2]] == 1]


def _moment(points: FloatArray, cells: IntArray, coefficients: FloatArray) -> float:
    """Moment of the pressure on the airfoil about a quarter of the chord, nose up.

    Pressure changes linearly along the edges of the outline.
    """
    edges = boundary_edges(cells)
    edges = edges[np.linalg.norm(points[edges[:, 0]] - _CENTRE, axis=1) < _RADIUS / 2]
    starts, ends = (points[edges] - _CENTRE).transpose(1, 0, 2)
    # Edges leave the air on their left, and the force of a unit pressure is a quarter turn of them
    # to the right: its moment is minus the product of lever and edge, and nose up is clockwise.
    along = ends - starts
    levers = np.stack([2 * starts + ends, starts + 2 * ends], axis=1) / 6
    products = np.einsum("nkd,nd->nk", levers, along)
    return float((products * coefficients[edges]).sum())
