import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import minimize, rosen, rosen_der

from skmanifold.gp import minimize_batch
from skmanifold.gp._batched_lbfgs import BatchSearch
from tests.gp.known_fields import tensor

FREE = (-np.inf, np.inf)


def limits(least, most, n_coordinates):
    return tensor([[least] * n_coordinates, [most] * n_coordinates])


class Quadratics:
    """Convex ones, one for each row, with minima far apart in scale."""

    def __init__(self, rng, n_rows=8, n_coordinates=5):
        roots = rng.normal(size=(n_rows, n_coordinates, n_coordinates))
        scales = 10.0 ** np.arange(n_rows)[:, None, None] / 1e3
        self.matrices = tensor(scales * (roots @ roots.mT + 0.1 * np.eye(n_coordinates)))
        self.centers = tensor(rng.normal(size=(n_rows, n_coordinates)))

    def __call__(self, x, rows):
        gaps = x - self.centers[rows]
        slopes = (self.matrices[rows] @ gaps[:, :, None])[:, :, 0]
        return 0.5 * (gaps * slopes).sum(1), slopes


def rosenbrocks(x, rows):
    values = torch.stack([tensor(rosen(row.numpy())) for row in x])
    return values, torch.stack([tensor(rosen_der(row.numpy())) for row in x])


def test_finds_the_minima_of_quadratics(rng):
    fun = Quadratics(rng)
    start = tensor(rng.normal(size=(8, 5)))
    found = minimize_batch(fun, start, bounds=limits(*FREE, 5), max_iter=500, tol=1e-14)
    assert found.converged.all()
    assert_allclose(found.x, fun.centers, atol=1e-4)
    assert_allclose(found.values, fun(found.x, torch.arange(8))[0])


@pytest.mark.parametrize("box", [FREE, (-0.5, 0.8), (1.2, 3.0)])
def test_agrees_with_scipy_on_rosenbrock_functions(rng, box):
    start = tensor(rng.normal(size=(10, 4)))
    found = minimize_batch(rosenbrocks, start, bounds=limits(*box, 4), max_iter=1000, tol=1e-12)
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000}
    for row, begin in enumerate(start.numpy()):
        theirs = minimize(
            rosen,
            begin.clip(*box),
            jac=rosen_der,
            method="L-BFGS-B",
            bounds=[box] * 4,
            options=options,
        )
        assert_allclose(found.values[row], theirs.fun, rtol=1e-6, atol=1e-8)


def test_a_constrained_minimum_meets_its_conditions(rng):
    fun = Quadratics(rng, n_rows=6)
    least, most = -0.3, 0.4
    start = tensor(rng.normal(size=(6, 5)))
    found = minimize_batch(fun, start, bounds=limits(least, most, 5), max_iter=500, tol=1e-14)
    _, slopes = fun(found.x, torch.arange(6))
    scale = fun.matrices.abs().amax((1, 2))[:, None]
    assert ((found.x >= least) & (found.x <= most)).all()
    assert (slopes / scale)[found.x < most].min() > -1e-5  # no way down but out of the box
    assert (slopes / scale)[found.x > least].max() < 1e-5
    held = (found.x == least) | (found.x == most)
    assert held.any()
    assert not held.all()


def test_rows_do_not_know_of_each_other(rng):
    fun = Quadratics(rng, n_rows=5)
    start, box = tensor(rng.normal(size=(5, 5))), limits(*FREE, 5)
    together = minimize_batch(fun, start, bounds=box, tol=1e-10)
    for row in range(5):
        alone = minimize_batch(
            lambda x, rows, row=row: fun(x, rows + row), start[row : row + 1], bounds=box, tol=1e-10
        )
        assert_allclose(alone.x[0], together.x[row], rtol=1e-6, atol=1e-9)
        assert alone.n_evaluations[0] == together.n_evaluations[row]


def test_rows_that_are_done_are_not_evaluated(rng):
    fun, counts = Quadratics(rng), torch.zeros(8, dtype=torch.long)

    def counted(x, rows):
        counts[rows] += 1
        return fun(x, rows)

    start = tensor(rng.normal(size=(8, 5)))
    start[3] = fun.centers[3]
    found = minimize_batch(counted, start, bounds=limits(*FREE, 5))
    assert counts[3] == 1
    assert found.n_iter[3] == 0
    assert_allclose(counts, found.n_evaluations)
    assert len(counts.unique()) > 2


def test_no_row_takes_more_than_the_iterations_it_has(rng):
    start = tensor(rng.normal(size=(4, 6)))
    found = minimize_batch(rosenbrocks, start, bounds=limits(*FREE, 6), max_iter=3)
    assert (found.n_iter == 3).all()
    assert not found.converged.any()
    before = rosenbrocks(start, None)[0]
    assert (found.values < before).all()


def test_a_search_in_portions_is_the_search_in_one(rng):
    start, box = tensor(rng.normal(size=(4, 3))), limits(*FREE, 3)
    search = BatchSearch(rosenbrocks, start, bounds=box, tol=1e-10)
    for n_iter in (2, 5, 200):
        search.run(n_iter)
    whole = minimize_batch(rosenbrocks, start, bounds=box, max_iter=200, tol=1e-10)
    assert_allclose(search.minimum().x, whole.x)


def test_dropped_rows_stay_where_they_are(rng):
    search = BatchSearch(rosenbrocks, tensor(rng.normal(size=(3, 3))), bounds=limits(*FREE, 3))
    search.run(2)
    before = search.minimum()
    search.drop(torch.tensor([1]))
    search.run(50)
    assert_allclose(search.minimum().x[1], before.x[1])
    assert not search.minimum().converged[1]
    assert (search.minimum().values[[0, 2]] < before.values[[0, 2]]).all()


def test_values_that_do_not_exist_send_a_search_back():
    def logarithm(x, rows):  # x - log x, which is nan left of nought; steep on its right
        return (x - x.log())[:, 0], 1 - 1 / x

    start = tensor([[1e-3], [30.0], [2.0]])
    found = minimize_batch(logarithm, start, bounds=limits(*FREE, 1), tol=1e-12)
    assert_allclose(found.x, 1.0, atol=1e-5)


def test_a_start_without_a_value_is_left_alone():
    def fun(x, rows):
        return torch.where(rows == 0, torch.nan, x.square().sum(1)), 2 * x

    found = minimize_batch(fun, tensor([[1.0], [1.0]]), bounds=limits(*FREE, 1))
    assert found.n_evaluations[0] == 1
    assert not found.converged[0]
    assert_allclose(found.x[1], 0.0, atol=1e-3)


def test_steps_are_no_longer_than_told():
    places = []

    def slope(x, rows):
        places.append(x.clone())
        return -x.sum(1), -torch.ones_like(x)

    minimize_batch(slope, tensor([[0.0, 0.0]]), bounds=limits(-50, 50, 2), max_step=0.25)
    assert_allclose(places[1], [[0.25, 0.25]])
    assert_allclose(places[-1], [[50.0, 50.0]])


def test_the_start_is_not_written_into(rng):
    start = tensor(rng.normal(size=(3, 3)))
    before = start.clone()
    minimize_batch(rosenbrocks, start, bounds=limits(-1, 1, 3))
    assert torch.equal(start, before)
