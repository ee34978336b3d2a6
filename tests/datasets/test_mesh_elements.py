import sys
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold.datasets._mesh_elements import (
    SymmetricSystem,
    linear_elements,
    quadratic_elements,
)
from skmanifold.datasets._mesher import mesh_region

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def mesh(seed=0, size=0.15):
    sides = zip(SQUARE, np.roll(SQUARE, -1, axis=0), strict=True)
    loop = [np.linspace(start, end, 101) for start, end in sides]
    points, cells, _ = mesh_region(
        [loop], lambda points: np.full(len(points), size), np.random.default_rng(seed)
    )
    return points, cells


def quadratic(points, cells):
    pytest.importorskip("skfem")
    return quadratic_elements(points, cells)


orders = pytest.mark.parametrize("make", [linear_elements, quadratic])


@orders
def test_corners_are_the_first_nodes(make):
    points, cells = mesh()
    elements = make(points, cells)
    assert_allclose(elements.locations[: len(points)], points)
    assert_allclose(np.sort(elements.nodes[:, :3], axis=1), np.sort(cells, axis=1))


@orders
def test_areas(make):
    elements = make(*mesh())
    assert_allclose(elements.areas.sum(), 1)
    assert (elements.areas > 0).all()


@orders
def test_gradients_of_linear_functions_are_exact(make):
    elements = make(*mesh())
    slope = np.array([2.0, -3.0])
    found = elements.derivatives(elements.locations @ slope + 1)
    assert_allclose(found, np.broadcast_to(slope, found.shape), atol=1e-12)


def test_gradients_of_quadratic_functions_are_exact_at_corners():
    points, cells = mesh()
    elements = quadratic(points, cells)
    x, y = elements.locations.T
    found = elements.at_corners(elements.derivatives(x**2 - x * y + 3 * y**2))
    x, y = points.T
    assert_allclose(found, np.column_stack([2 * x - y, 6 * y - x]), atol=1e-11)


@orders
def test_boundary_loads_integrate_the_normal(make):
    elements = make(*mesh())
    for direction in (0, 1):
        loads = elements.boundary_loads(direction)
        sides = elements.locations[:, direction]
        assert_allclose(loads[sides == 1].sum(), 1)
        assert_allclose(loads[sides == 0].sum(), -1)
        assert_allclose(loads[(sides > 0) & (sides < 1)], 0, atol=1e-14)


@orders
def test_laplacians_give_the_energy(make):
    elements = make(*mesh())
    blocks = elements.laplacians()
    values = elements.locations @ [[2.0], [1.0]]
    assert_allclose((values * elements.products(blocks, values)).sum(), 5)
    assert_allclose(elements.products(blocks, np.ones_like(values)), 0, atol=1e-12)


@pytest.mark.parametrize(("make", "degree"), [(linear_elements, 1), (quadratic, 2)])
def test_harmonic_polynomials_are_reproduced(make, degree):
    elements = make(*mesh())
    x, y = elements.locations.T
    truth = (x - 2 * y if degree == 1 else x**2 - y**2 + x * y)[:, None]
    rim = ((elements.locations == 0) | (elements.locations == 1)).any(axis=1)
    blocks = elements.laplacians()
    given = np.where(rim[:, None], truth, 0)
    system = SymmetricSystem(elements.nodes, rim)
    solution = given - system.solve(blocks, elements.products(blocks, given))
    assert_allclose(solution, truth, atol=1e-12)


def test_held_unknowns_are_zero_and_others_solve_the_system():
    elements = linear_elements(*mesh())
    held = elements.locations[:, 0] == 0
    blocks = elements.laplacians()
    loads = np.random.default_rng(0).normal(size=(elements.n_nodes, 2))
    solution = SymmetricSystem(elements.nodes, held).solve(blocks, loads)
    assert (solution[held] == 0).all()
    products = partial(elements.products, blocks)
    assert_allclose(products(solution)[~held], loads[~held], atol=1e-10)


def test_missing_scikit_fem_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skfem", None)
    with pytest.raises(ImportError, match=r"skmanifold\[mesh\]"):
        quadratic_elements(*mesh())
