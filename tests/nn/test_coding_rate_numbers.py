"""Coding rates of odd numbers: short types, empty groups, and features far from unit norm."""

import math

import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import normalize

from skmanifold.nn import coding_rate, membership_rate, partition_rate

EPS_SQ = 0.1
KINDS = ["unit", "constant", "duplicated", "huge", "tiny", "line", "zero", "mixed"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def features_of(kind, n_samples, n_components, generator, dtype=torch.float32):
    rows = torch.randn(n_samples, n_components, generator=generator, dtype=dtype)
    return {
        "unit": normalize(rows),
        "constant": rows[:1].expand(n_samples, -1).clone(),
        "duplicated": rows[torch.arange(n_samples) // 3],
        "huge": 1e6 * rows,
        "tiny": 1e-6 * rows,
        "line": rows[:, :1] * rows[:1],
        "zero": torch.zeros_like(rows),
        "mixed": rows * 10.0 ** torch.linspace(-6, 6, n_components),
    }[kind]


def columns_of(n_samples, n_columns, generator, dtype=torch.float32):
    """Columns of sum 1, from even to one-hot."""
    scores = torch.randn(n_samples, n_columns, generator=generator, dtype=dtype)
    heat = 10.0 ** torch.empty(()).uniform_(-2, 2, generator=generator)
    return torch.softmax(scores / heat, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_random_configurations_have_finite_rates_and_gradients(kind):
    generator = seeded(KINDS.index(kind))
    for _ in range(42):
        n_samples, n_components, n_columns = torch.randint(1, 9, (3,), generator=generator)
        Z = features_of(kind, n_samples, n_components, generator).requires_grad_()
        membership = columns_of(n_samples, n_columns, generator).requires_grad_()
        shares = columns_of(n_columns, n_samples, generator).T
        rates = [
            coding_rate(Z, EPS_SQ),
            partition_rate(Z, shares, EPS_SQ),
            membership_rate(Z, membership, EPS_SQ),
        ]
        sum(rates).backward()
        # The log-determinant of the identity may round to a little less than 0.
        assert all(-1e-6 < rate.item() < math.inf for rate in rates)
        assert bool(Z.grad.isfinite().all())
        assert bool(membership.grad.isfinite().all())


@pytest.mark.parametrize("kind", ["constant", "duplicated", "huge", "line"])
@pytest.mark.parametrize("eps_sq", [1e-1, 1e-9])
def test_rounding_of_huge_matrices_counts_no_more_than_it_may(kind, eps_sq):
    """In float32 the 1 on the diagonal is lost, and with it the sign of small eigenvalues."""
    Z = 1e4 * features_of(kind, 20, 6, seeded(), torch.float64)
    rounding = 6 * torch.finfo(torch.float32).eps * 6 / (20 * eps_sq) * float((Z**2).sum())
    error = float(coding_rate(Z.float(), eps_sq)) - float(coding_rate(Z, eps_sq))
    n_lost = 0 if kind in ("duplicated", "huge") else 5  # directions that the features lack
    assert -0.1 < error < 0.1 + n_lost / 2 * math.log1p(rounding)


def test_small_distortions_do_not_fail():
    Z = features_of("unit", 30, 20, seeded())
    for eps_sq in (1e-6, 1e-9, 1e-12):
        membership = columns_of(30, 30, seeded(1))
        gap = float(coding_rate(Z, eps_sq) - membership_rate(Z, membership, eps_sq))
        assert math.isfinite(gap)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_types_are_computed_in_float32(dtype):
    Z = features_of("unit", 12, 6, seeded()).to(dtype)
    membership, shares = columns_of(12, 12, seeded(1)).to(dtype), torch.ones(12, 1, dtype=dtype)
    for function, rest in [
        (coding_rate, ()),
        (partition_rate, (shares,)),
        (membership_rate, (membership,)),
    ]:
        rate = function(Z, *rest, EPS_SQ)
        assert rate.dtype == torch.float32
        assert torch.equal(rate, function(Z.float(), *(each.float() for each in rest), EPS_SQ))


def test_gradients_of_short_types_come_in_them():
    Z = features_of("unit", 12, 6, seeded()).to(torch.bfloat16).requires_grad_()
    membership_rate(Z, columns_of(12, 12, seeded(1)), EPS_SQ).backward()
    assert Z.grad.dtype == torch.bfloat16
    assert bool(Z.grad.isfinite().all())


def test_empty_clusters_cost_nothing():
    Z = features_of("unit", 12, 6, seeded()).double()
    shares = columns_of(3, 12, seeded(1)).T.double()
    padded = torch.cat([shares, torch.zeros(12, 2, dtype=Z.dtype)], 1).requires_grad_()
    rate = partition_rate(Z, padded, EPS_SQ)
    assert_allclose(rate.detach(), partition_rate(Z, shares, EPS_SQ), rtol=1e-12)
    rate.backward()
    assert bool(padded.grad.isfinite().all())
