import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import ortho_group
from sklearn import config_context
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern

from skmanifold.gaussian_process._fitted_field import FittedField
from skmanifold.gp import (
    ExactPosterior,
    FeaturePosterior,
    FieldFeatures,
    FieldPoints,
    feature_log_density,
    leave_out_means,
    log_density,
    rows_of_targets,
    with_noise,
)
from skmanifold.graph import SampledManifold
from tests.gp.known_fields import (
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
each_kind = pytest.mark.parametrize("kind", ["exact", "features"])
SCALAR_TERMS = [("spectral",), ("tangent",), ("spectral", "tangent")]


def posterior_of(kind, kernel, points, targets, hyper=None):
    """Of either kind; the features reach as far as the covariance itself at the labels."""
    hyper = values() if hyper is None else hyper
    if kind == "exact":
        return ExactPosterior.given(kernel, hyper, points, targets)
    return FeaturePosterior.given(kernel, hyper, points, targets, points, adapt_noise=False)


def far_from(points):
    """Points at which the encoding has vanished, and every distance is long."""
    return FieldPoints(points.positions + 1e4, points.frames, 0 * points.encoding)


def as_field(posterior, points):
    """In ambient coordinates, and as it is: neither shifted, scaled nor projected."""
    manifold = SampledManifold.of(points.positions.numpy(), points.frames.numpy())
    center, one = torch.zeros(points.positions.shape[1]).double(), tensor(1.0)
    encoding = points.frames @ points.encoding
    return FittedField(
        center, one, manifold, encoding, posterior, tensor([0.0]), one, False, False, False
    )


@every_sum
def test_exact_is_the_dense_formula(rng, terms):
    points, new = random_points(rng), random_points(rng, 6)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    posterior = ExactPosterior.given(kernel, values(), points, targets)
    rows = rows_of_targets(kernel, points, targets)
    noisy = with_noise(kernel, covariance(kernel, points), points, values())
    cross = covariance(kernel, new, points)
    assert_allclose(posterior.mean(new), cross @ torch.linalg.solve(noisy, rows), atol=1e-9)
    explained = cross @ torch.linalg.solve(noisy, cross.T)
    prior = covariance(kernel, new)
    if "spectral" in terms:
        prior = prior + block_diagonal(kernel.unexplained(new, values()))
    assert_allclose(posterior.joint(new), prior - explained, atol=1e-9)
    assert posterior.width == len(rows)
    assert posterior.noise == VALUES["noise"]


@each_kind
@every_sum
def test_variances_are_the_diagonal_blocks_of_the_joint(rng, kind, terms):
    points, new = random_points(rng), random_points(rng, 6)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    posterior = posterior_of(kind, kernel, points, targets)
    mean, variances = posterior.mean_and_variances(new)
    joint = posterior.joint(new)
    assert_allclose(mean, posterior.mean(new), atol=1e-12)
    assert_allclose(variances, blocks(joint, variances.shape[1]), atol=1e-9)
    assert_allclose(joint, joint.T, atol=1e-10)
    assert torch.linalg.eigvalsh(joint)[0] > -1e-8
    prior = kernel.variances(new, values())
    assert torch.linalg.eigvalsh(prior - variances).min() > -1e-8  # labels never take away


@pytest.mark.parametrize("terms", [t for t in TERMS if t != ("spectral",)], ids="+".join)
@pytest.mark.parametrize("radial", ["rbf", "matern52"])
def test_features_of_all_labels_are_exact(rng, terms, radial):
    points, new = random_points(rng), random_points(rng, 6)
    kernel, targets = field_kernel(points, *terms, radial=radial), noisy_targets(rng, points)
    exact, features = (posterior_of(k, kernel, points, targets) for k in ("exact", "features"))
    assert_allclose(features.mean(new), exact.mean(new), atol=1e-5)
    assert_allclose(features.joint(new), exact.joint(new), atol=1e-5)
    assert features.kernel is exact.kernel


@pytest.mark.parametrize("kind", [random_points, scalar_points])
def test_features_of_eigenvectors_alone_are_exact(rng, kind):
    points, new = kind(rng, 30), kind(rng, 6)
    kernel, targets = field_kernel(points, "spectral"), noisy_targets(rng, points)
    dense = ExactPosterior.given(kernel, values(), points, targets)
    weights = FeaturePosterior.given(
        kernel, values(), points, targets, points[:1], adapt_noise=False
    )
    assert_allclose(weights.mean(new), dense.mean(new), atol=1e-8)
    assert_allclose(weights.joint(new), dense.joint(new), atol=1e-8)
    for one, other in zip(
        weights.mean_and_variances(new), dense.mean_and_variances(new), strict=True
    ):
        assert_allclose(one, other, atol=1e-8)
    assert weights.width == points.encoding.shape[2]


@pytest.mark.parametrize("n_columns", [1, 3])
@pytest.mark.parametrize("terms", SCALAR_TERMS, ids="+".join)
def test_scalars_share_one_covariance(rng, terms, n_columns):
    points, new = scalar_points(rng, 20), scalar_points(rng, 5)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points, n_columns)
    for kind in ("exact", "features"):
        whole = posterior_of(kind, kernel, points, targets)
        mean, variances = whole.mean_and_variances(new)
        assert mean.shape == (5, n_columns)
        assert variances.shape == (5, 1, 1)
        for i in range(n_columns):
            alone = posterior_of(kind, kernel, points, targets[:, i : i + 1])
            assert_allclose(mean[:, i], alone.mean(new)[:, 0], atol=1e-9)
            assert_allclose(variances, alone.mean_and_variances(new)[1], atol=1e-9)


@pytest.mark.parametrize("radial", ["rbf", "matern52"])
@pytest.mark.parametrize("terms", [("tangent",), ("ambient",)], ids="+".join)
def test_scalars_agree_with_sklearn(rng, radial, terms):
    points, new = scalar_points(rng, 25), scalar_points(rng, 8)
    kernel, targets = field_kernel(points, *terms, radial=radial), noisy_targets(rng, points, 2)
    mean, variances = ExactPosterior.given(kernel, values(), points, targets).mean_and_variances(
        new
    )
    scale, length = VALUES[f"{terms[0]}_scale"], VALUES[f"{terms[0]}_lengthscale"]
    shape = RBF(length) if radial == "rbf" else Matern(length, nu=2.5)
    of_sklearn = GaussianProcessRegressor(
        ConstantKernel(scale**2) * shape, alpha=VALUES["noise"] ** 2, optimizer=None
    ).fit(points.positions, targets)
    expected, deviations = of_sklearn.predict(new.positions, return_std=True)
    assert_allclose(mean, expected, atol=1e-6)
    assert_allclose(variances[:, 0, 0].sqrt(), deviations[:, 0], atol=1e-6)
    noisy = with_noise(kernel, covariance(kernel, points), points, values())
    density = log_density(noisy, targets)
    assert_allclose(density, of_sklearn.log_marginal_likelihood_value_, rtol=1e-8)


@each_kind
@pytest.mark.parametrize("terms", [t for t in TERMS if t != ("spectral",)], ids="+".join)
def test_interpolates_as_the_noise_vanishes(rng, kind, terms):
    points = random_points(rng)
    kernel, targets = field_kernel(points, *terms, radial="matern52"), noisy_targets(rng, points)
    rows = rows_of_targets(kernel, points, targets)
    gaps = []
    for noise in (1e-1, 1e-2, 1e-3):
        hyper = values(noise=noise, normal_noise=noise)
        mean, variances = posterior_of(kind, kernel, points, targets, hyper).mean_and_variances(
            points
        )
        gaps.append((mean - rows).abs().max().item())
        if "spectral" in terms:
            variances = variances - kernel.unexplained(points, hyper)
        assert torch.linalg.eigvalsh(variances).max() < 1.01 * noise**2
    assert gaps[1] < 0.3 * gaps[0]
    assert gaps[2] < 0.05 * gaps[1] + 1e-6


@each_kind
@every_sum
def test_far_away_the_prior_is_back(rng, kind, terms):
    points = random_points(rng)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    mean, variances = posterior_of(kind, kernel, points, targets).mean_and_variances(
        far_from(points)
    )
    assert_allclose(mean, 0, atol=1e-12)
    assert_allclose(variances, kernel.variances(far_from(points), values()), atol=1e-12)
    scales = sum(VALUES[f"{term}_scale"] ** 2 for term in terms)
    assert_allclose(torch.linalg.eigvalsh(variances).amax(1), scales, atol=1e-9)


@each_kind
def test_much_noise_says_nothing(rng, kind):
    points = random_points(rng)
    kernel, targets = field_kernel(points, "spectral", "tangent"), noisy_targets(rng, points)
    posterior = posterior_of(kind, kernel, points, targets, values(noise=1e6))
    mean, variances = posterior.mean_and_variances(points)
    assert_allclose(mean, 0, atol=1e-9)
    assert_allclose(variances, kernel.variances(points, values()), atol=1e-9)


@every_sum
def test_evidence_is_a_chain_of_predictions(rng, terms):
    """p(first, second) = p(first) p(second | first), the second predicted with its noise."""
    points = random_points(rng)
    first, second = points[:9], points[9:]
    kernel = field_kernel(points, *terms)
    targets = noisy_targets(rng, points)

    def noisy(some):
        return with_noise(kernel, covariance(kernel, some), some, values())

    whole = log_density(noisy(points), rows_of_targets(kernel, points, targets))
    posterior = ExactPosterior.given(kernel, values(), first, targets[:9])
    apart = rows_of_targets(kernel, second, targets[9:]) - posterior.mean(second)
    joint = posterior.joint(second)
    if "spectral" in terms:  # what no eigenvector explains is of the predictions alone
        joint = joint - block_diagonal(kernel.unexplained(second, values()))
    predicted = log_density(with_noise(kernel, joint, second, values()), apart)
    begun = log_density(noisy(first), rows_of_targets(kernel, first, targets[:9]))
    assert_allclose(begun + predicted, whole, atol=1e-8)


@each_kind
@every_sum
def test_frames_do_not_matter(rng, kind, terms):
    """In ambient coordinates."""
    points, new = random_points(rng), random_points(rng, 6)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    (other, _), (newer, gauges) = turned(points, rng), turned(new, rng)
    here, there = (posterior_of(kind, kernel, p, targets) for p in (points, other))
    for one, another in zip(
        here.mean_and_variances(new), there.mean_and_variances(newer), strict=True
    ):
        if not kernel.ambient_rows:
            one = gauges.mT @ one.reshape(6, 2, -1)
            one, another = (one @ gauges if one.shape[2] == 2 else one), another.reshape(6, 2, -1)
        assert_allclose(another, one, atol=1e-7)


@each_kind
@every_sum
def test_follows_rotations(rng, kind, terms):
    points, new = random_points(rng), random_points(rng, 6)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    rotation = ortho_group.rvs(3, random_state=2)
    here = posterior_of(kind, kernel, points, targets).mean(new)
    turn = tensor(rotation)
    there = posterior_of(kind, kernel, moved(points, rotation), targets @ turn.T).mean(
        moved(new, rotation)
    )
    if kernel.isotropic:
        here = here @ turn.T
    elif kernel.ambient_rows:
        here = (here.reshape(6, 3) @ turn.T).reshape(-1, 1)
    assert_allclose(there, here, atol=1e-7)


def test_vectors_along_a_line_know_no_sense_of_the_frames(rng):
    """Of a line in one dimension frames are 1 or -1, and the field is what it is."""
    points = random_points(rng, 12, n_features=1, dim=1)
    forward = FieldPoints(points.positions, torch.ones_like(points.frames), points.encoding)
    signs = tensor(rng.choice([-1.0, 1.0], size=(12, 1, 1)))
    mixed = FieldPoints(points.positions, signs, signs * points.encoding)
    targets = noisy_targets(rng, points)
    for terms in (("spectral",), ("tangent",), ("spectral", "tangent"), ("ambient",)):
        kernel = field_kernel(forward, *terms, dim=1)
        here = posterior_of("exact", kernel, forward, targets).mean(forward)
        there = posterior_of("exact", kernel, mixed, targets).mean(mixed)
        if not kernel.ambient_rows:
            there = signs[:, 0] * there
        assert_allclose(there, here, atol=1e-9)


@every_sum
def test_leaving_out_points(rng, terms):
    """All rows of one point at a time, as if it had no label."""
    points = random_points(rng, 8)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    whole = ExactPosterior.given(kernel, values(), points, targets)
    found = whole.leave_out_means()
    assert_allclose(found, leave_out_means(whole.factor, whole.rows, found.shape[1]))
    for i in range(8):
        others = torch.arange(8) != i
        rest = ExactPosterior.given(kernel, values(), points[others], targets[others])
        assert_allclose(found[i], rest.mean(points[i : i + 1]), atol=1e-9)


def test_two_labels_at_one_place_are_one_with_less_noise(rng):
    points = random_points(rng, 6)
    kernel, targets = field_kernel(points, "spectral", "tangent"), noisy_targets(rng, points)
    twice = posterior_of("exact", kernel, joined(points, points), torch.cat((targets, targets)))
    less = values(noise=VALUES["noise"] / 2**0.5)
    once = posterior_of("exact", kernel, points, targets, less)
    new = random_points(rng, 4)
    for one, other in zip(twice.mean_and_variances(new), once.mean_and_variances(new), strict=True):
        assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("terms", [t for t in TERMS if t != ("spectral",)], ids="+".join)
def test_few_inducing_points_lose_nothing_of_the_prior(rng, terms):
    """They explain less, and what they cannot explain stays uncertain."""
    points, new = random_points(rng, 40), random_points(rng, 10)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    exact = ExactPosterior.given(kernel, values(), points, targets)
    prior = kernel.variances(new, values())
    for n_inducing in (1, 10, 40):
        found = FeaturePosterior.given(
            kernel, values(), points, targets, points[:n_inducing], adapt_noise=False
        )
        _, variances = found.mean_and_variances(new)
        assert torch.linalg.eigvalsh(variances).min() > 0
        assert torch.linalg.eigvalsh(prior - variances).min() > -1e-8
    gap = (found.mean(new) - exact.mean(new)).abs().max()
    few = FeaturePosterior.given(kernel, values(), points, targets, points[:1], adapt_noise=False)
    assert gap < 1e-3 * (few.mean(new) - exact.mean(new)).abs().max()


def test_features_multiply_to_the_covariance(rng):
    """Exactly between inducing points and everything else; elsewhere never more than it."""
    points, new = random_points(rng, 20), random_points(rng, 15)
    kernel = field_kernel(points, "spectral", "tangent")
    features = FieldFeatures.of(kernel, values(), points)
    here, there = features.at(points), features.at(new)
    variances = features.variances()
    assert_allclose((here * variances) @ there.T, covariance(kernel, points, new), atol=1e-6)
    rest = covariance(kernel, new) - (there * variances) @ there.T
    assert torch.linalg.eigvalsh((rest + rest.T) / 2)[0] > -1e-8


@every_sum
@pytest.mark.parametrize("memory", [1024, 0.01])
def test_moments_some_points_at_a_time(rng, terms, memory):
    points = random_points(rng, 30)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    features = FieldFeatures.of(kernel, values(), points[:5])
    with config_context(working_memory=memory):
        moments = features.moments(points, targets)
    ratio = VALUES["noise"] / VALUES["normal_noise"]
    whitening = torch.eye(1)
    made, rows = features.at(points), rows_of_targets(kernel, points, targets)
    if "normal_noise" in kernel.names:
        projectors = points.frames @ points.frames.mT
        whitening = block_diagonal(projectors + ratio * (torch.eye(3).double() - projectors))
        made, rows = whitening @ made, whitening @ rows
    assert_allclose(moments.gram, made.T @ made, rtol=1e-9, atol=1e-9)
    assert_allclose(moments.cross, made.T @ rows, rtol=1e-9, atol=1e-9)
    assert_allclose(moments.squares, rows.square().sum())
    assert (moments.n_rows, moments.n_columns) == tuple(rows.shape)


def test_noise_is_adapted_to_what_features_cannot_follow(rng):
    """Few inducing points leave more unexplained, and that is noise to them."""
    points = random_points(rng, 60)
    kernel = field_kernel(points, "tangent")
    field = torch.linalg.cholesky(covariance(kernel, points) + 1e-9 * torch.eye(120).double())
    coordinates = (field @ tensor(rng.normal(size=(120, 1)))).reshape(60, 2, 1)
    targets = (points.frames @ coordinates)[..., 0] + 0.01 * noisy_targets(rng, points)
    hyper = values(noise=0.01)
    found = {
        n: FeaturePosterior.given(kernel, hyper, points, targets, points[:n]) for n in (5, 20, 60)
    }
    noises = [posterior.noise.item() for posterior in found.values()]
    assert noises[0] > noises[1] > noises[2]
    assert noises[0] > 0.2
    assert 0.003 < noises[2] < 0.03
    # It is the noise of greatest evidence.
    features = FieldFeatures.of(kernel, hyper, points[:5])
    moments, variances = features.moments(points, targets), features.variances()

    def evidence(noise):
        return feature_log_density(moments, variances, tensor(noise)).item()

    best = evidence(noises[0])
    assert best > evidence(0.9 * noises[0])
    assert best > evidence(1.1 * noises[0])


@each_kind
@pytest.mark.parametrize("terms", [TERMS[3], TERMS[6]], ids="+".join)
def test_samples_have_the_mean_and_covariance(rng, kind, terms):
    points, new = random_points(rng), random_points(rng, 4)
    kernel, targets = field_kernel(points, *terms), noisy_targets(rng, points)
    posterior = posterior_of(kind, kernel, points, targets)
    field = as_field(posterior, points)
    draws = field.samples(new, 20_000, np.random.RandomState(0)).flatten(0, 1)
    mean, joint = posterior.mean(new)[:, 0], posterior.joint(new)
    if not kernel.ambient_rows:
        bases = block_diagonal(new.frames)
        mean, joint = bases @ mean, bases @ joint @ bases.T
    deviation = joint.diagonal().max().sqrt()
    assert draws.shape == (12, 20_000)
    assert_allclose(draws.mean(1), mean, atol=0.05 * deviation)
    assert_allclose(torch.cov(draws), joint, atol=0.05 * deviation**2)


@each_kind
def test_labels_are_left_alone(rng, kind):
    points = random_points(rng)
    kernel, targets = field_kernel(points, *TERMS[6]), noisy_targets(rng, points)
    before = targets.clone(), points.encoding.clone(), points.positions.clone()
    posterior_of(kind, kernel, points, targets).mean_and_variances(points)
    for old, now in zip(before, (targets, points.encoding, points.positions), strict=True):
        assert torch.equal(old, now)


def test_no_noise_at_copies_is_no_covariance(rng):
    points = random_points(rng, 5)
    twice = joined(points, points)
    kernel, targets = field_kernel(points, "tangent"), noisy_targets(rng, twice)
    with pytest.raises(torch.linalg.LinAlgError):
        ExactPosterior.given(kernel, values(noise=1e-12), twice, targets)


@pytest.mark.gpu
@each_kind
def test_on_the_gpu(rng, kind):
    points, new = random_points(rng), random_points(rng, 6)
    kernel, targets = field_kernel(points, *TERMS[6]), noisy_targets(rng, points)
    here = posterior_of(kind, kernel, points, targets).mean_and_variances(new)

    def on_gpu(some):
        return FieldPoints(some.positions.cuda(), some.frames.cuda(), some.encoding.cuda())

    hyper = {name: value.cuda() for name, value in values().items()}
    there = posterior_of(
        kind, field_kernel(on_gpu(points), *TERMS[6]), on_gpu(points), targets.cuda(), hyper
    )
    for one, other in zip(there.mean_and_variances(on_gpu(new)), here, strict=True):
        assert_allclose(one.cpu(), other, atol=1e-7)
