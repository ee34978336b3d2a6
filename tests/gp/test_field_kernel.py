from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import ortho_group

from skmanifold.gp import FieldPoints, matern_variances, rows_of_targets, with_noise
from skmanifold.gp._posterior import add_blocks
from skmanifold.gp._radial import RADIAL
from tests.gp.known_fields import (
    N_PAIRS,
    TERMS,
    VALUES,
    block_diagonal,
    blocks,
    covariance,
    field_kernel,
    joined,
    moved,
    noisy_targets,
    random_points,
    scalar_points,
    tensor,
    turned,
    values,
)

every_sum = pytest.mark.parametrize("terms", TERMS, ids="+".join)
each_radial = pytest.mark.parametrize("radial", sorted(RADIAL))


def spectral_density(kernel, scale, lengthscale, nu):
    weights = (1 + kernel.eigenvalues * lengthscale**2 / (2 * nu)) ** (
        -nu - kernel.manifold_dim / 2
    )
    return scale**2 * weights / (weights * kernel.shares).sum()


def by_loops(kernel, left, right):
    """The formula in ambient coordinates, (a, b, D, D)."""
    v = VALUES
    density = spectral_density(kernel, v["spectral_scale"], v["spectral_lengthscale"], v["nu"])
    width = left.frames.shape[1]
    total = torch.zeros(len(left), len(right), width, width, dtype=torch.float64)
    for i, j in np.ndindex(len(left), len(right)):
        here, there = left[i : i + 1], right[j : j + 1]
        square = (here.positions - there.positions).square().sum()
        projectors = [side.frames[0] @ side.frames[0].T for side in (here, there)]
        if "spectral" in kernel.terms:
            phi = [side.frames[0] @ side.encoding[0] for side in (here, there)]
            total[i, j] += (phi[0] * density) @ phi[1].T
        for term, shape in (
            ("tangent", projectors[0] @ projectors[1]),
            ("ambient", torch.eye(width).double()),
        ):
            if term in kernel.terms:
                length = tensor(v[f"{term}_lengthscale"])
                correlation = RADIAL[kernel.radial](square, length)
                total[i, j] += v[f"{term}_scale"] ** 2 * correlation * shape
    return total


def ambient_rows(parts):
    """A matrix (a D, b D) of parts (a, b, D, D)."""
    return parts.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)


@every_sum
@each_radial
def test_covariance_by_loops(rng, terms, radial):
    left, right = random_points(rng, 6), random_points(rng, 4)
    kernel = field_kernel(left, *terms, radial=radial)
    found, expected = covariance(kernel, left, right), by_loops(kernel, left, right)
    if kernel.isotropic:
        expected = expected[..., 0, 0]
    elif kernel.ambient_rows:
        expected = ambient_rows(expected)
    else:
        framed = left.frames.mT[:, None] @ expected @ right.frames
        expected = ambient_rows(framed)
    assert_allclose(found, expected, atol=1e-12)


@every_sum
@each_radial
def test_positive_semi_definite(rng, terms, radial):
    points = random_points(rng, 30)
    points = joined(points, points[:5])  # some twice
    found = covariance(field_kernel(points, *terms, radial=radial), points)
    assert_allclose(found, found.T, atol=1e-12)
    assert torch.linalg.eigvalsh(found)[0] > -1e-12


@pytest.mark.parametrize("terms", [t for t in TERMS if "ambient" not in t], ids="+".join)
def test_frames_turn_the_rows(rng, terms):
    points = random_points(rng)
    other, gauges = turned(points, rng)
    kernel, turns = field_kernel(points, *terms), block_diagonal(gauges)
    expected = turns.T @ covariance(kernel, points) @ turns
    assert_allclose(covariance(kernel, other), expected, atol=1e-12)
    assert_allclose(
        kernel.variances(other, values()),
        gauges.mT @ kernel.variances(points, values()) @ gauges,
        atol=1e-12,
    )


@pytest.mark.parametrize("terms", [t for t in TERMS if "ambient" in t], ids="+".join)
def test_frames_do_not_matter_to_ambient_rows(rng, terms):
    points = random_points(rng)
    other, _ = turned(points, rng)
    kernel = field_kernel(points, *terms)
    assert_allclose(covariance(kernel, other), covariance(kernel, points), atol=1e-12)
    for part in (kernel.variances, kernel.noise):
        assert_allclose(part(other, values()), part(points, values()), atol=1e-12)


@every_sum
def test_follows_rotations_of_the_space(rng, terms):
    points = random_points(rng)
    rotation = ortho_group.rvs(3, random_state=1)
    kernel = field_kernel(points, *terms)
    here, there = covariance(kernel, points), covariance(kernel, moved(points, rotation, 2.5))
    if kernel.ambient_rows and not kernel.isotropic:
        turns = block_diagonal([tensor(rotation)] * len(points))
        here = turns @ here @ turns.T
    assert_allclose(there, here, atol=1e-10)


@pytest.mark.parametrize("terms", [("spectral",), ("tangent",), ("spectral", "tangent")])
def test_ambient_rows_within_the_frames_are_frame_rows(rng, terms):
    points = random_points(rng)
    plain = field_kernel(points, *terms)
    whole = replace(plain, terms=(*terms, "ambient"))
    bases = block_diagonal(points.frames)
    found = bases.T @ covariance(whole, points) @ bases
    alone = covariance(replace(plain, terms=("ambient",)), points)
    overlaps = torch.einsum("adr,bds->arbs", points.frames, points.frames)
    isotropic = (alone[:, None, :, None] * overlaps).reshape(found.shape)
    assert_allclose(found - isotropic, covariance(plain, points), atol=1e-12)
    # Without the ambient part, nothing leaves the tangent spaces.
    off = covariance(whole, points, hyper=values(ambient_scale=0.0))
    assert_allclose(bases @ bases.T @ off, off, atol=1e-12)
    assert_allclose(bases.T @ off @ bases, covariance(plain, points), atol=1e-12)


def test_the_ambient_term_is_the_same_for_every_coordinate(rng):
    points = random_points(rng)
    kernel = field_kernel(points, "tangent", "ambient")
    alone = covariance(replace(kernel, terms=("ambient",)), points)
    found = covariance(kernel, points, hyper=values(tangent_scale=0.0))
    assert_allclose(found, np.kron(alone, np.eye(3)), atol=1e-12)


@every_sum
@each_radial
def test_variances_are_the_diagonal_and_what_is_unexplained(rng, terms, radial):
    points = random_points(rng)
    kernel = field_kernel(points, *terms, radial=radial)
    found = kernel.variances(points, values())
    expected = blocks(covariance(kernel, points), found.shape[1])
    if "spectral" in terms:
        expected = expected + kernel.unexplained(points, values())
    assert_allclose(found, expected, atol=1e-12)
    assert torch.linalg.eigvalsh(found).min() > -1e-12


@pytest.mark.parametrize("hyper", [{}, {"nu": 0.5}, {"spectral_lengthscale": 5.0, "nu": 4.0}])
@pytest.mark.parametrize("kind", [random_points, scalar_points])
def test_mean_prior_variance_of_eigenvectors_is_the_scale(rng, hyper, kind):
    """Per direction, over the nodes."""
    points = kind(rng, 30)
    kernel = field_kernel(points, "spectral")
    diagonal = covariance(kernel, points, hyper=values(**hyper)).diagonal()
    assert_allclose(diagonal.mean(), VALUES["spectral_scale"] ** 2)


def test_prior_variance_of_local_terms_is_their_scale(rng):
    points = random_points(rng)
    kernel = field_kernel(points, "tangent")
    diagonal = covariance(kernel, points).diagonal()
    assert_allclose(diagonal, VALUES["tangent_scale"] ** 2)
    both = replace(kernel, terms=("tangent", "ambient")).variances(points, values())
    along = (points.frames.mT @ both @ points.frames).diagonal(dim1=1, dim2=2)
    assert_allclose(along, VALUES["tangent_scale"] ** 2 + VALUES["ambient_scale"] ** 2)


def test_unexplained_variance_fills_up_to_the_scale(rng):
    """Of each point's mean over directions, and never below nought."""
    points = random_points(rng, 40)
    points = FieldPoints(
        points.positions,
        points.frames,
        points.encoding * tensor(rng.uniform(0, 2, size=(40, 1, 1))),
    )
    kernel = field_kernel(points, "spectral")
    own = blocks(covariance(kernel, points), 2).diagonal(dim1=1, dim2=2).mean(1)
    whole = kernel.variances(points, values()).diagonal(dim1=1, dim2=2).mean(1)
    target = VALUES["spectral_scale"] ** 2
    assert (own < target).any()
    assert (own > target).any()
    assert_allclose(whole, torch.clamp(own, min=target), atol=1e-12)


@pytest.mark.parametrize("terms", [t for t in TERMS if "spectral" in t], ids="+".join)
def test_far_from_the_data_the_prior_is_whole(rng, terms):
    """There the encoding vanishes, and no eigenvector explains anything."""
    points = random_points(rng)
    far = FieldPoints(points.positions, points.frames, points.encoding * 0)
    kernel = field_kernel(points, *terms)
    found = kernel.variances(far, values())
    bases = points.frames if kernel.ambient_rows else torch.eye(2).double()[None]
    along = (bases.mT @ found @ bases).diagonal(dim1=1, dim2=2)
    scales = [VALUES[f"{term}_scale"] ** 2 for term in terms]
    assert_allclose(along, sum(scales), atol=1e-12)


def test_spectral_covariance_is_that_of_weights(rng):
    """Sums of eigenvectors with independent weights."""
    points = random_points(rng, 6)
    kernel = field_kernel(points, "spectral")
    density = kernel.spectral_variances(values())
    flat = points.encoding.reshape(-1, N_PAIRS)
    assert_allclose(covariance(kernel, points), (flat * density) @ flat.T, atol=1e-12)
    assert (density.diff() < 0).all()  # eigenvalues rise
    assert_allclose(
        density, spectral_density(kernel, 0.8, VALUES["spectral_lengthscale"], VALUES["nu"])
    )


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_matern_variances(dim):
    eigenvalues = tensor(np.linspace(0, 40, 100))
    found = matern_variances(eigenvalues, tensor(0.7), tensor(1.5), dim)
    assert_allclose(found[0], 1)
    assert (found.diff() < 0).all()
    # At high frequencies a power of frequency^2: -nu - dim / 2.
    high = matern_variances(tensor([1e8, 2e8]), tensor(0.7), tensor(1.5), dim)
    assert_allclose(torch.log2(high[1] / high[0]), -1.5 - dim / 2, rtol=1e-6)
    # A length: eigenvalues are in one over length squared.
    longer = matern_variances(eigenvalues / 100, tensor(7.0), tensor(1.5), dim)
    assert_allclose(longer, found)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_matern_of_endless_smoothness_is_heat(dim):
    eigenvalues, lengthscale = tensor(np.linspace(0, 20, 50)), tensor(0.6)
    heat = torch.exp(-eigenvalues * lengthscale.square() / 2)
    gaps = [
        (matern_variances(eigenvalues, lengthscale, tensor(nu), dim) - heat).abs().max().item()
        for nu in (1e2, 1e4, 1e6)
    ]
    assert_allclose(np.divide(gaps[:-1], gaps[1:]), 100, rtol=0.1)
    assert_allclose(matern_variances(eigenvalues, lengthscale, float("inf"), dim), heat)


@pytest.mark.parametrize("nu", [0.5, 1.5, 2.5])
def test_matern_on_a_line_has_the_known_correlations(nu):
    """The Fourier transform of the spectral density is the Matern covariance of sklearn."""
    from sklearn.gaussian_process.kernels import Matern

    frequencies = np.linspace(0, 4000, 400_001)
    density = matern_variances(tensor(frequencies**2), tensor(0.7), tensor(nu), 1).numpy()
    gaps = np.array([0.0, 0.1, 0.5, 1.3])
    waves = np.array(
        [np.trapezoid(density * np.cos(frequencies * gap), frequencies) for gap in gaps]
    )
    expected = Matern(0.7, nu=nu)(gaps[:1, None], gaps[:, None])[0]
    assert_allclose(waves / waves[0], expected, atol=2e-3)


@every_sum
def test_names_are_what_the_kernel_reads(rng, terms):
    """Every hyper-parameter matters, and no other is asked for."""
    points = random_points(rng, 5)
    kernel = field_kernel(points, *terms)

    def noisy(hyper):
        own = kernel.covariance(kernel.pairs(points, points), hyper)
        return with_noise(kernel, own, points, hyper)

    needed = {name: values()[name] for name in kernel.names}
    before = noisy(needed)
    for name in kernel.names:
        changed = noisy(needed | {name: 1.3 * needed[name]})
        assert (changed - before).abs().max() > 1e-4, name


@every_sum
def test_noise(rng, terms):
    """One variance along the tangent spaces, and one across them where rows leave them."""
    points = random_points(rng)
    kernel = field_kernel(points, *terms)
    found = kernel.noise(points, values())
    along, across = VALUES["noise"] ** 2, VALUES["normal_noise"] ** 2
    if "normal_noise" in kernel.names:
        expected = tensor([across, along, along])  # rising
        assert_allclose(torch.linalg.eigvalsh(found), expected.expand(len(points), 3), atol=1e-12)
        inside = points.frames.mT @ found @ points.frames
        assert_allclose(inside, along * torch.eye(2).expand(len(points), 2, 2), atol=1e-12)
    else:
        n_rows = found.shape[1]
        assert_allclose(found, along * torch.eye(n_rows).expand(len(points), n_rows, n_rows))
    own = covariance(kernel, points)
    assert_allclose(
        with_noise(kernel, own, points, values()), own + block_diagonal(found), atol=1e-12
    )


def test_blocks_are_added_to_the_diagonal(rng):
    matrix, parts = tensor(rng.normal(size=(12, 12))), tensor(rng.normal(size=(4, 3, 3)))
    before = matrix.clone()
    assert_allclose(add_blocks(matrix, parts), before + block_diagonal(parts))
    assert torch.equal(matrix, before)


@every_sum
def test_some_points(rng, terms):
    """Rows and columns of a few points are those of the whole matrix."""
    points = random_points(rng, 8)
    kernel = field_kernel(points, *terms)
    n_rows = kernel.row_bases(points).shape[2]
    whole = covariance(kernel, points)
    assert len(whole) == 8 * n_rows
    some = covariance(kernel, points[2:5], points[torch.tensor([7, 0])])
    columns = torch.cat([torch.arange(i * n_rows, (i + 1) * n_rows) for i in (7, 0)])
    assert_allclose(some, whole[2 * n_rows : 5 * n_rows, columns], atol=1e-12)
    assert len(points[2:5]) == 3


@pytest.mark.parametrize("terms", TERMS[:2] + TERMS[3:4], ids="+".join)
def test_scalars_are_one_row_each(rng, terms):
    points = scalar_points(rng)
    kernel = field_kernel(points, *terms)
    v, found = VALUES, covariance(kernel, points)
    expected = torch.zeros(15, 15).double()
    if "spectral" in terms:
        density = kernel.spectral_variances(values())
        expected += (points.encoding[:, 0] * density) @ points.encoding[:, 0].T
    if "tangent" in terms:
        squares = torch.cdist(points.positions, points.positions).square()
        length = v["tangent_lengthscale"]
        expected += v["tangent_scale"] ** 2 * torch.exp(-0.5 * squares / length**2)
    assert_allclose(found, expected, atol=1e-12)


@every_sum
def test_rows_of_a_field(rng, terms):
    points = random_points(rng)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    rows = rows_of_targets(kernel, points, targets)
    if kernel.isotropic:
        assert_allclose(rows, targets)
    elif kernel.ambient_rows:
        assert_allclose(rows.reshape(-1, 3), targets)
    else:
        inside = (points.frames @ rows.reshape(-1, 2, 1))[..., 0]
        projected = (points.frames @ points.frames.mT @ targets[..., None])[..., 0]
        assert_allclose(inside, projected, atol=1e-12)


@pytest.mark.parametrize("n_columns", [1, 4])
@pytest.mark.parametrize("terms", TERMS[:4], ids="+".join)
def test_rows_of_scalars(rng, terms, n_columns):
    points = scalar_points(rng)
    targets = noisy_targets(rng, points, n_columns)
    assert_allclose(rows_of_targets(field_kernel(points, *terms), points, targets), targets)


def test_rows_of_vectors_along_a_line(rng):
    """Frames of a line are 1 or -1, and coordinates in them have that sign."""
    points = random_points(rng, 6, n_features=1, dim=1)
    points = FieldPoints(
        points.positions, tensor([1, -1, -1, 1, 1, -1.0])[:, None, None], points.encoding
    )
    targets = noisy_targets(rng, points)
    rows = rows_of_targets(field_kernel(points, "tangent", dim=1), points, targets)
    assert_allclose(points.frames[:, :, 0] * rows, targets)


@every_sum
def test_gradients_reach_every_hyper_parameter(rng, terms):
    points = random_points(rng, 5)
    kernel = field_kernel(points, *terms, radial="matern52")
    hyper = {name: value.clone().requires_grad_() for name, value in values().items()}
    total = with_noise(kernel, covariance(kernel, points, hyper=hyper), points, hyper)
    probe = tensor(rng.normal(size=total.shape))
    (total * probe).sum().backward()
    for name in kernel.names:
        step = 1e-6
        ahead, behind = (
            with_noise(
                kernel,
                covariance(kernel, points, hyper=values(**{name: VALUES[name] + s})),
                points,
                values(**{name: VALUES[name] + s}),
            )
            for s in (step, -step)
        )
        slope = ((ahead - behind) * probe).sum() / (2 * step)
        assert_allclose(hyper[name].grad, slope, rtol=1e-5, atol=1e-7)
