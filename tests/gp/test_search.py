import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.stats import lognorm, norm

from skmanifold.gp import LogNormal, log_density, maximize_evidence, random_start
from tests.gp.known_fields import tensor

FLAT = LogNormal(1.0, 1e6, 1e-6, 1e6)


def bowl(**peaks):
    """Log evidence with its maximum at known places."""

    def objective(values):
        return -sum((values[name].log() - math.log(peak)).square() for name, peak in peaks.items())

    return objective


def gaussian_sample(targets):
    """Log density of independent numbers given their standard deviation."""
    return lambda values: log_density(
        values["scale"].square() * tensor(np.eye(len(targets))), targets[:, None]
    )


def test_standard_deviation_of_independent_numbers(rng):
    """Of greatest likelihood is the root of the mean square."""
    targets = tensor(3.7 * rng.normal(size=50))
    found = maximize_evidence(gaussian_sample(targets), {"scale": FLAT}, {})
    best = targets.square().mean().sqrt().item()
    assert_allclose(found.values["scale"], best, rtol=1e-4)
    assert_allclose(found.log_evidence, norm(scale=best).logpdf(targets).sum(), rtol=1e-8)


def test_prior_and_evidence_weigh_as_they_should(rng):
    """Compared with a search along one line."""
    targets = tensor(3.7 * rng.normal(size=3))
    prior = LogNormal(0.5, 0.4, 1e-3, 1e3)
    found = maximize_evidence(gaussian_sample(targets), {"scale": prior}, {})

    def loss(log_scale):
        own = -0.5 * ((log_scale - math.log(0.5)) / 0.4) ** 2
        return -norm(scale=math.exp(log_scale)).logpdf(targets).sum() - own

    expected = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10})
    assert_allclose(math.log(found.values["scale"]), expected.x, atol=1e-3)
    assert_allclose(found.log_posterior, -expected.fun, atol=1e-6)
    assert found.log_evidence > found.log_posterior
    assert 0.5 < found.values["scale"] < targets.square().mean().sqrt()


def test_two_normals_meet_at_their_weighted_mean():
    found = maximize_evidence(bowl(a=8.0), {"a": LogNormal(2.0, 0.5, 1e-3, 1e3)}, {})
    # Precisions 2 of the bowl and 1 / 0.5^2 of the prior.
    expected = (2 * math.log(8) + 4 * math.log(2)) / 6
    assert_allclose(math.log(found.values["a"]), expected, atol=1e-4)


@pytest.mark.parametrize("start", [{}, {"a": 0.01}, {"a": 100.0, "b": 0.02}])
def test_several_at_once_from_anywhere(start):
    found = maximize_evidence(bowl(a=3.0, b=0.2), {"a": FLAT, "b": FLAT}, start)
    assert_allclose([found.values["a"], found.values["b"]], [3, 0.2], rtol=1e-3)
    assert_allclose(found.log_evidence, 0, atol=1e-6)


@pytest.mark.parametrize(("peak", "expected"), [(100.0, 5.0), (0.01, 0.5), (2.0, 2.0)])
def test_bounds(peak, expected):
    prior = LogNormal(1.0, 1e6, 0.5, 5.0)
    found = maximize_evidence(bowl(a=peak), {"a": prior}, {})
    assert_allclose(found.values["a"], expected, rtol=1e-3)


@pytest.mark.parametrize("max_iter", [0, 30])
@pytest.mark.parametrize(("start", "expected"), [(1e9, 5.0), (1e-9, 0.5)])
def test_starts_out_of_range_are_taken_into_it(max_iter, start, expected):
    prior = LogNormal(1.0, 1e6, 0.5, 5.0)
    found = maximize_evidence(bowl(a=start), {"a": prior}, {"a": start}, max_iter=max_iter)
    assert_allclose(found.values["a"], expected)


def test_fixed_ones_stay():
    priors = {"a": FLAT, "b": LogNormal(1.0, 0.5, 0.1, 10.0)}
    objective = bowl(a=3.0, b=0.2)
    found = maximize_evidence(objective, priors, {"b": 9.0}, fixed={"b": 7.0, "other": 4.0})
    assert_allclose(found.values["a"], 3, rtol=1e-3)
    assert_allclose([found.values["b"], found.values["other"]], [7, 4])
    apart = -0.5 * (math.log(7.0) / 0.5) ** 2
    assert_allclose(found.log_posterior, found.log_evidence + apart, atol=1e-6)
    # Its peak need not lie within a range that no search was to keep.
    assert maximize_evidence(objective, priors, {}, fixed={"b": 77.0}).values["b"] == 77


@pytest.mark.parametrize("max_iter", [0, 60])
def test_nothing_left_to_search(max_iter):
    found = maximize_evidence(bowl(a=3.0), {"a": FLAT}, {}, fixed={"a": 3.0}, max_iter=max_iter)
    assert found.values == {"a": 3.0}
    assert found.log_evidence == 0
    alone = maximize_evidence(bowl(a=3.0), {}, {}, fixed={"a": 3.0}, max_iter=max_iter)
    assert alone.log_evidence == alone.log_posterior == 0


def test_no_rounds_judge_the_start():
    priors = {"a": LogNormal(1.0, 0.7, 1e-3, 1e3), "b": LogNormal(4.0, 2.0, 1e-3, 1e3)}
    found = maximize_evidence(bowl(a=3.0, b=0.2), priors, {"a": 2.0}, max_iter=0)
    assert_allclose([found.values["a"], found.values["b"]], [2, 4])
    expected = -(math.log(2 / 3) ** 2) - math.log(4 / 0.2) ** 2
    assert_allclose(found.log_evidence, expected)
    assert_allclose(found.log_posterior, expected - 0.5 * (math.log(2) / 0.7) ** 2)


def test_more_rounds_are_no_worse():
    def valley(values):  # of Rosenbrock
        x, y = values["a"].log(), values["b"].log()
        return -((1 - x).square() + 20 * (y - x.square()).square())

    priors = {"a": FLAT, "b": FLAT}
    heights = [
        maximize_evidence(valley, priors, {"a": 0.3}, max_iter=n).log_posterior
        for n in (0, 2, 5, 15, 60)
    ]
    assert (np.diff(heights) >= 0).all()
    assert heights[-1] > -1e-3


def positive_below(limit):
    """Rises towards a limit, from which on the covariance is none."""

    def objective(values):
        scale = values["a"]
        covariance = torch.stack(
            [torch.stack([limit - scale, 0 * scale]), torch.stack([0 * scale, 1 + 0 * scale])]
        )
        return log_density(covariance, tensor([[0.0], [0.0]])) * 1e-3 + 20 * scale.log()

    return objective


@pytest.mark.parametrize("start", [0.05, 0.5, 0.9])
def test_steps_where_no_covariance_is_are_taken_back(start):
    found = maximize_evidence(positive_below(1.0), {"a": FLAT}, {"a": start})
    assert 0.99 < found.values["a"] < 1
    assert math.isfinite(found.log_evidence)


@pytest.mark.parametrize("max_iter", [0, 60])
def test_a_start_where_no_covariance_is_loses_to_any_other(max_iter):
    found = maximize_evidence(positive_below(1.0), {"a": FLAT}, {"a": 2.0}, max_iter=max_iter)
    assert found.log_evidence == found.log_posterior == -math.inf
    assert_allclose(found.values["a"], 2)


def test_other_errors_are_not_hidden():
    def broken(values):
        raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError, match="here"):
        maximize_evidence(broken, {"a": FLAT}, {})


def test_twice_the_same(rng):
    targets = tensor(rng.normal(size=20))
    once, again = (maximize_evidence(gaussian_sample(targets), {"scale": FLAT}, {}) for _ in "ab")
    assert once == again


def test_starts_and_priors_are_left_alone():
    start, fixed = {"a": 2.0}, {"b": 1.0}
    maximize_evidence(bowl(a=3.0), {"a": FLAT, "b": FLAT}, start, fixed=fixed)
    assert (start, fixed) == ({"a": 2.0}, {"b": 1.0})


def test_log_normal_is_that_of_scipy():
    """Up to a constant, and with respect to the logarithm."""
    prior = LogNormal(3.0, 0.7, 1e-3, 1e3)
    places = np.geomspace(0.3, 30, 9)
    found = np.array([prior.log_density(tensor(place)) for place in places])
    expected = lognorm(0.7, scale=3.0).logpdf(places) + np.log(places)
    assert_allclose(found - found[4], expected - expected[4])
    assert_allclose(found[4], 0, atol=1e-12)  # at the median


def test_random_starts(rng):
    priors = {"a": LogNormal(3.0, 0.8, 1e-9, 1e9), "b": LogNormal(0.1, 2.0, 1e-9, 1e9)}
    starts = [random_start(priors, rng) for _ in range(2000)]
    for name, prior in priors.items():
        logs = np.log([start[name] for start in starts])
        assert_allclose(logs.mean(), np.log(prior.center), atol=0.1)
        assert_allclose(logs.std(), 0.5 * prior.spread, rtol=0.1)
    apart = np.corrcoef([[np.log(start[name]) for start in starts] for name in "ab"])[0, 1]
    assert abs(apart) < 0.1
    seeded = [random_start(priors, np.random.default_rng(5)) for _ in "ab"]
    assert seeded[0] == seeded[1]


@pytest.mark.gpu
def test_on_the_gpu(rng):
    targets = tensor(rng.normal(size=20)).cuda()
    found = maximize_evidence(
        lambda v: log_density(v["scale"].square() * torch.eye(20).to(targets), targets[:, None]),
        {"scale": FLAT},
        {},
        device="cuda",
    )
    assert_allclose(found.values["scale"], targets.square().mean().sqrt().item(), rtol=1e-4)
