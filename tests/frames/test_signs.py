import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.frames import _signs
from skmanifold.frames._moments import joint_sets, n_joint_moments
from skmanifold.frames._signs import decided_signs
from tests.frames.known_clouds import all_signs, tensor

TOLERANCE = 0.01


def as_sums(moments):
    """Moments in the form of signed and absolute sums."""
    return tensor(np.stack([moments, np.ones_like(moments)], axis=-1))


def characters(n_axes):
    """Products of signs over each set of `joint_sets`, for all sign vectors."""
    signs = all_signs(n_axes)
    return np.stack([signs[:, list(axes)].prod(1) for axes in joint_sets(n_axes)], axis=1)


class Problem:
    """Random moments: some of single axes, some joint ones, most of them 0."""

    def __init__(self, rng, n_axes, *, n_clouds=60, hidden=True, with_parity=False):
        self.n_axes = n_axes
        sets = joint_sets(n_axes)
        rate = rng.uniform(0, 1, size=(n_clouds, 1))
        self.own = self._sparse(rng, (n_clouds, n_axes), rate * 0.5)
        self.joint = self._sparse(rng, (n_clouds, len(sets)), rate * 0.5)
        self.parity = rng.choice([-1.0, 0.0, 1.0], size=n_clouds) * with_parity
        if hidden:  # moments that agree on some signs
            signs = all_signs(n_axes)[rng.integers(2**n_axes, size=n_clouds)]
            products = np.stack([signs[:, list(axes)].prod(1) for axes in sets], axis=1)
            self.own = np.abs(self.own) * signs
            self.joint = np.abs(self.joint) * products
            self.parity = np.abs(self.parity) * signs.prod(1)

    @staticmethod
    def _sparse(rng, shape, rate):
        values = rng.uniform(2 * TOLERANCE, 1, size=shape) * rng.choice([-1, 1], size=shape)
        noise = rng.uniform(-0.5, 0.5, size=shape) * TOLERANCE
        return np.where(rng.uniform(size=shape) < rate, values, noise)

    def solve(self, flips=None, absent=None):
        """Signs and margins; of the clouds with their axes flipped, if asked for."""
        flips = np.ones_like(self.own) if flips is None else flips
        products = np.stack([flips[:, list(s)].prod(1) for s in joint_sets(self.n_axes)], axis=1)
        sums = as_sums((self.joint * products)[..., None])

        def joint(clouds, n_axes):
            return sums[clouds][:, [max(axes) < n_axes for axes in joint_sets(self.n_axes)]]

        absent = np.zeros_like(self.own) if absent is None else absent
        signs, margins = decided_signs(
            as_sums((self.own * flips)[..., None]),
            joint,
            torch.full(self.own.shape, TOLERANCE, dtype=torch.float64),
            absent=tensor(absent).bool(),
            parity=tensor(self.parity * flips.prod(1)),
        )
        return signs.numpy(), margins.numpy()

    def equations(self, cloud):
        """Sets of axes and moments above rounding, the most trusted first."""
        if self.parity[cloud]:
            yield range(self.n_axes), self.parity[cloud] * np.inf
        for axis, moment in enumerate(self.own[cloud]):
            if abs(moment) > TOLERANCE:
                yield [axis], moment
        for axes, moment in zip(joint_sets(self.n_axes), self.joint[cloud], strict=True):
            if abs(moment) > TOLERANCE:
                yield list(axes), moment

    def solutions(self, cloud):
        """All sign vectors that meet every equation but those at odds with earlier ones."""
        left, used = all_signs(self.n_axes), []
        for axes, moment in self.equations(cloud):
            products = left[:, list(axes)].prod(1)
            if len(np.unique(products)) == 2:  # it tells something new
                left = left[products == np.sign(moment)]
                used.append(abs(moment))
        return left, used


def is_among(row, rows):
    return (rows == row).all(1).any()


@pytest.mark.parametrize("with_parity", [False, True])
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("n_axes", [1, 2, 3, 4, 6, 9])
def test_signs_are_among_those_found_by_trying_all(rng, n_axes, hidden, with_parity):
    problem = Problem(rng, n_axes, hidden=hidden, with_parity=with_parity)
    signs, margins = problem.solve()
    for cloud, found in enumerate(signs):
        solutions, used = problem.solutions(cloud)
        assert is_among(found, solutions)
        # As many signs stay open as the solutions have dimensions.
        undecided = margins[cloud] <= TOLERANCE
        assert 2 ** undecided.sum() == len(solutions)
        assert_allclose(np.sort(margins[cloud][~undecided]), np.sort(used))


@pytest.mark.parametrize("with_parity", [False, True])
@pytest.mark.parametrize("n_axes", [1, 2, 3, 4, 5])
def test_solutions_meet_every_moment_that_a_cloud_can_have(rng, n_axes, with_parity):
    problem = Problem(rng, n_axes, with_parity=with_parity)
    for cloud, found in enumerate(problem.solve()[0]):
        for axes, moment in problem.equations(cloud):
            assert found[list(axes)].prod() == np.sign(moment)


@pytest.mark.parametrize("with_parity", [False, True])
@pytest.mark.parametrize("n_axes", [1, 2, 3, 4])
def test_flipped_clouds_differ_by_the_symmetries_only(rng, n_axes, with_parity):
    """Canonical coordinates of a flipped cloud are those of the cloud, but for a symmetry."""
    problem = Problem(rng, n_axes, with_parity=with_parity)
    original, _ = problem.solve()
    reached = [set() for _ in original]
    for flips in all_signs(n_axes):
        flips = np.broadcast_to(flips, original.shape)
        change = problem.solve(flips)[0] * flips * original
        for cloud, symmetry in enumerate(change):
            reached[cloud].add(tuple(symmetry))
    for cloud, symmetries in enumerate(reached):
        # Symmetries are what leaves all moments as they are: the solutions, relative to one.
        solutions, _ = problem.solutions(cloud)
        assert symmetries <= set(map(tuple, solutions * solutions[0]))
        assert len(symmetries) == len(solutions)


@pytest.mark.parametrize("n_axes", [2, 3, 5])
def test_absent_axes_decide_nothing(rng, n_axes):
    """With axes absent, the others get the signs that they have alone."""
    problem = Problem(rng, n_axes)
    absent = np.arange(n_axes) == n_axes - 1
    sets = np.array([n_axes - 1 in axes for axes in joint_sets(n_axes)])
    problem.own[:, absent], problem.joint[:, sets] = 0.0, 0.0
    signs, margins = problem.solve(absent=np.broadcast_to(absent, problem.own.shape))
    alone = Problem(rng, n_axes - 1)
    alone.own, alone.joint = problem.own[:, ~absent], problem.joint[:, ~sets]
    alone.parity = problem.parity
    alone_signs, alone_margins = alone.solve()
    assert_array_equal(signs[:, :-1], alone_signs)
    assert_array_equal(margins[:, :-1], alone_margins)
    assert (margins[:, -1] == np.inf).all()


def test_joint_moments_are_asked_for_a_few_alike_clouds_at_a_time(rng, monkeypatch):
    """Sums grow with the third power of the axes: those without extent must not count."""
    monkeypatch.setattr(_signs, "SUMS_AT_ONCE", 1000)
    extents = rng.integers(1, 13, size=40)
    absent = tensor(np.arange(12) >= extents[:, None]).bool()
    asked = []

    def joint(clouds, n_axes):
        asked.extend(clouds.tolist())
        assert (extents[clouds] == n_axes).all()
        sums = torch.zeros(len(clouds), len(joint_sets(n_axes)), n_joint_moments(n_axes), 2)
        assert len(clouds) == 1 or sums.numel() <= 1000
        return sums.double()

    tolerance = torch.full((40, 12), TOLERANCE, dtype=torch.float64)
    no_parity = torch.zeros(40, dtype=torch.float64)
    zeros = torch.zeros(40, 12, 3, 2, dtype=torch.float64)
    decided_signs(zeros, joint, tolerance, absent=absent, parity=no_parity)
    assert sorted(asked) == list(range(40))


@pytest.mark.parametrize("n_axes", [1, 2, 4])
def test_parity_takes_the_place_of_the_last_moment(rng, n_axes):
    own = rng.uniform(0.1, 1, size=(20, n_axes)) * rng.choice([-1, 1], size=(20, n_axes))
    parity = rng.choice([-1.0, 1.0], size=20)
    signs, margins = decided_signs(
        as_sums(own[..., None]),
        None,
        torch.full((20, n_axes), TOLERANCE, dtype=torch.float64),
        absent=torch.zeros(20, n_axes, dtype=torch.bool),
        parity=tensor(parity),
    )
    assert_array_equal(signs[:, :-1], np.sign(own[:, :-1]))
    assert_array_equal(signs.prod(-1), parity)
    assert_allclose(margins[:, :-1], np.abs(own[:, :-1]))
    assert (margins[:, -1] == torch.inf).all()


def test_later_moments_only_where_earlier_ones_are_rounding():
    own = tensor([[0.5, -0.9, -0.9], [TOLERANCE / 2, -0.3, 0.9], [0.0, 0.0, 0.7]])
    sums = torch.stack([own, torch.ones_like(own)], dim=-1)[:, None]
    signs, margins = decided_signs(
        sums,
        None,
        torch.full((3, 1), TOLERANCE, dtype=torch.float64),
        absent=torch.zeros(3, 1, dtype=torch.bool),
        parity=torch.zeros(3, dtype=torch.float64),
    )
    assert_array_equal(signs[:, 0], [1, -1, 1])
    assert_array_equal(margins[:, 0], [0.5, 0.3, 0.7])
