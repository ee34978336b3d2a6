import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import sqrtm, subspace_angles
from scipy.sparse import block_diag, csr_array, diags_array, kron
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmanifold.gaussian_process import SnapshotPOD
from skmanifold.gaussian_process._snapshot_pod import leading_modes


def mass_matrix(n_nodes, rng):
    """Of bilinear elements on a grid of uneven spacing, as finite elements assemble it."""
    steps = [rng.uniform(0.2, 2, n_nodes + 1) for _ in range(2)]
    lines = [
        diags_array([h[1:-1] / 6, (h[1:] + h[:-1]) / 3, h[1:-1] / 6], offsets=[-1, 0, 1])
        for h in steps
    ]
    return csr_array(kron(*lines))


def smooth_rows(rng, n_rows, n_features, *, decay=0.3, noise=0.0, rank=30):
    """Rows of a decaying spectrum, and a function that draws more of them."""
    axes = np.linalg.qr(rng.normal(size=(n_features, min(rank, n_features))))[0]
    sizes = 3 * np.exp(-decay * np.arange(axes.shape[1]))
    offset = rng.normal(size=n_features)

    def draw(n):
        signal = (rng.normal(size=(n, len(sizes))) * sizes) @ axes.T
        return offset + signal + noise * rng.normal(size=(n, n_features))

    return draw(n_rows), draw


METRICS = {
    "none": lambda n_nodes, rng: None,
    "sparse": mass_matrix,
    "dense": lambda n_nodes, rng: mass_matrix(n_nodes, rng).toarray(),
    "diagonal": lambda n_nodes, rng: diags_array(rng.uniform(0.1, 3, n_nodes**2)),
}
every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
# More nodes than rows, and fewer.
both_shapes = pytest.mark.parametrize(("n_rows", "n_nodes"), [(25, 9), (120, 5)])


def matrix(metric, n_features):
    """The metric as a dense array."""
    if metric is None:
        return np.eye(n_features)
    return metric.toarray() if hasattr(metric, "toarray") else metric


def norms(rows, metric):
    return np.sqrt(np.einsum("ij,jk,ik->i", rows, matrix(metric, rows.shape[1]), rows))


@every_metric
@both_shapes
@pytest.mark.parametrize("n_components", [None, 4, 0.99])
@pytest.mark.parametrize("center", [True, False])
def test_modes_are_orthonormal_in_the_metric(metric, n_rows, n_nodes, n_components, center, rng):
    X, _ = smooth_rows(rng, n_rows, n_nodes**2)
    M = metric(n_nodes, rng)
    pod = SnapshotPOD(n_components, metric=M, center=center).fit(X)
    products = pod.components_ @ matrix(M, n_nodes**2) @ pod.components_.T
    assert_allclose(products, np.eye(pod.n_components_), atol=1e-10)


@every_metric
@both_shapes
@pytest.mark.parametrize("center", [True, False])
def test_all_modes_give_the_rows_back(metric, n_rows, n_nodes, center, rng):
    X, _ = smooth_rows(rng, n_rows, n_nodes**2, noise=0.1)
    pod = SnapshotPOD(metric=metric(n_nodes, rng), center=center).fit(X)
    assert pod.n_components_ == min(n_rows - center, n_nodes**2)
    assert_allclose(pod.inverse_transform(pod.transform(X)), X, atol=1e-11)
    assert_allclose(pod.residual_norms(X), 0, atol=1e-11)


@every_metric
@both_shapes
@pytest.mark.parametrize("n_components", [1, 3, 7])
def test_no_modes_do_better(metric, n_rows, n_nodes, n_components, rng):
    X, _ = smooth_rows(rng, n_rows, n_nodes**2, noise=0.1)
    M = metric(n_nodes, rng)
    pod = SnapshotPOD(n_components, metric=M).fit(X)
    everything = SnapshotPOD(metric=M).fit(X)
    missed = np.sum(pod.residual_norms(X) ** 2)
    # Eckart and Young: the tail of the squared singular values is the least there can be ...
    assert_allclose(missed, np.sum(everything.singular_values_[n_components:] ** 2), rtol=1e-9)
    # ... and those are singular values of the rows times the root of the matrix.
    rows = (X - X.mean(axis=0)) @ np.real(sqrtm(matrix(M, n_nodes**2)))
    expected = np.linalg.svd(rows, compute_uv=False)
    assert_allclose(pod.singular_values_, expected[:n_components], rtol=1e-9)
    assert_allclose(
        pod.explained_variance_ratio_.sum(), 1 - missed / np.sum(expected**2), rtol=1e-9
    )


@every_metric
def test_residual_norms_are_those_of_the_rows_given_back(metric, rng):
    X, draw = smooth_rows(rng, 25, 81)
    M = metric(9, rng)
    pod = SnapshotPOD(5, metric=M).fit(X)
    new = draw(6)
    missed = new - pod.inverse_transform(pod.transform(new))
    assert_allclose(pod.residual_norms(new), norms(missed, M))
    # Codes and what they miss are at right angles.
    whole = norms(new - pod.mean_, M) ** 2
    assert_allclose(whole, np.sum(pod.transform(new) ** 2, axis=1) + norms(missed, M) ** 2)


@both_shapes
@pytest.mark.parametrize("n_components", [None, 4, 0.95])
def test_principal_components_are_those_of_scikit_learn(n_rows, n_nodes, n_components, rng):
    X, draw = smooth_rows(rng, n_rows, n_nodes**2, noise=0.05)
    pod = SnapshotPOD(n_components).fit(X)
    pca = PCA(n_components, svd_solver="full").fit(X)
    if n_components is None:  # the one keeps a mode of rounding errors
        pca = PCA(pod.n_components_, svd_solver="full").fit(X)
    assert pod.n_components_ == pca.n_components_
    for name in ["mean_", "singular_values_", "explained_variance_", "explained_variance_ratio_"]:
        assert_allclose(getattr(pod, name), getattr(pca, name), rtol=1e-8, err_msg=name)
    signs = np.sign(np.sum(pod.components_ * pca.components_, axis=1))
    new = draw(5)
    assert_allclose(pod.transform(new), pca.transform(new) * signs, atol=1e-8)


def test_modes_without_centring_are_those_of_the_rows_themselves(rng):
    X, _ = smooth_rows(rng, 30, 50)
    pod = SnapshotPOD(3, center=False).fit(X)
    assert_array_equal(pod.mean_, 0)
    assert_allclose(pod.singular_values_, np.linalg.svd(X, compute_uv=False)[:3])
    assert_allclose(pod.explained_variance_, np.mean(pod.transform(X) ** 2, axis=0))


def test_both_ways_to_the_modes_agree(rng):
    X, _ = smooth_rows(rng, 40, 100, noise=0.01)
    rows = X - X.mean(axis=0)
    few = leading_modes(rows, 8, 1e-16)
    every = leading_modes(rows, None, 1e-16)
    assert_allclose(few.values, every.values[:8], rtol=1e-12)
    assert_allclose(few.right, every.right[:8], atol=1e-11)
    assert_allclose(few.scores @ few.lifts.T @ rows, rows, atol=1e-8)
    assert_allclose(every.scores @ every.lifts.T @ rows, rows, atol=1e-8)


def test_small_modes_are_not_lost_to_squares(rng):
    left = np.linalg.qr(rng.normal(size=(30, 12)))[0]
    right = np.linalg.qr(rng.normal(size=(200, 12)))[0].T
    values = np.logspace(0, -11, 12)
    pod = SnapshotPOD(11, center=False).fit((left * values) @ right)
    assert_allclose(pod.singular_values_, values[:11], rtol=1e-4)
    assert_allclose(np.abs(np.sum(pod.components_ * right[:11], axis=1)), 1, atol=1e-4)
    assert_allclose(pod.components_ @ pod.components_.T, np.eye(11), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_components", [None, 20])
def test_rounding_errors_make_no_modes(dtype, n_components, rng):
    X, _ = smooth_rows(rng, 40, 300, rank=6)
    pod = SnapshotPOD(n_components).fit(X.astype(dtype))
    # Of single precision the rounding of the rows themselves is all that the rest shows.
    assert pod.n_components_ == 6 if dtype == np.float64 else pod.n_components_ >= 6
    assert pod.singular_values_[-1] > np.finfo(dtype).eps * pod.singular_values_[0]


@pytest.mark.parametrize("energy", [0.5, 0.9, 0.999])
@both_shapes
def test_fewest_modes_that_hold_the_energy(energy, n_rows, n_nodes, rng):
    X, _ = smooth_rows(rng, n_rows, n_nodes**2, noise=0.05)
    shares = SnapshotPOD(energy).fit(X).explained_variance_ratio_
    assert shares.sum() >= energy
    assert shares[:-1].sum() < energy


@pytest.mark.parametrize("n_components", [None, 1, 3, 0.9])
def test_rows_that_are_all_equal(n_components):
    X = np.tile(np.arange(5.0), (4, 1))
    pod = SnapshotPOD(n_components).fit(X)
    assert pod.n_components_ == 1
    assert_array_equal(pod.explained_variance_ratio_, 0)
    assert_array_equal(pod.truncation_variance_, 0)
    assert_array_equal(pod.transform(X), 0)
    assert_allclose(pod.inverse_transform(pod.transform(X)), X)


@every_metric
@pytest.mark.parametrize("n_components", [None, 6])
def test_the_order_of_nodes_does_not_matter(metric, n_components, rng):
    X, draw = smooth_rows(rng, 25, 81)
    M = metric(9, rng)
    order = rng.permutation(81)
    pod = SnapshotPOD(n_components, metric=M).fit(X)
    turned = None if M is None else csr_array(M)[order][:, order]
    permuted = SnapshotPOD(n_components, metric=turned).fit(X[:, order])
    new = draw(4)
    assert_allclose(permuted.transform(new[:, order]), pod.transform(new), atol=1e-9)
    assert_allclose(permuted.components_, pod.components_[:, order], atol=1e-8)
    assert_allclose(permuted.truncation_variance_, pod.truncation_variance_[order], rtol=1e-6)


def test_signs_do_not_depend_on_the_sign_that_comes_out_of_the_solver(rng):
    X, _ = smooth_rows(rng, 25, 81)
    codes = SnapshotPOD(5).fit_transform(X)
    sizes = np.abs(codes)
    first = np.argmax(sizes >= 0.999 * sizes.max(axis=0), axis=0)
    assert np.all(codes[first, np.arange(5)] > 0)


def test_a_finer_mesh_changes_nothing_under_its_mass_matrix():
    def fields(nodes):
        phases = np.linspace(0, 4, 30)[:, None]
        return np.sin(3 * nodes + phases) + nodes**2 * phases + np.exp(-((nodes - phases) ** 2))

    codes = []
    # The second has nine in ten of its nodes on the left half.
    for nodes in [
        np.linspace(0, 1, 301),
        np.r_[np.linspace(0, 0.5, 901)[:-1], np.linspace(0.5, 1, 101)],
    ]:
        steps = np.r_[0, np.diff(nodes), 0]
        lumped = (steps[1:] + steps[:-1]) / 2
        codes.append(SnapshotPOD(3, metric=diags_array(lumped)).fit_transform(fields(nodes)))
    assert_allclose(codes[1], codes[0], atol=2e-4 * np.abs(codes[0]).max())


def test_fields_of_blocks_have_modes_of_their_own(rng):
    # Two fields that vary independently: the modes of both are those of each, put together.
    first, second = (rng.normal(size=(6, 16)) for _ in range(2))
    codes = np.linalg.qr(np.column_stack([np.ones(40), rng.normal(size=(40, 12))]))[0][:, 1:]
    X = np.hstack([codes[:, :6] @ first, codes[:, 6:] @ second])
    M = mass_matrix(4, rng)
    both = SnapshotPOD(metric=block_diag([M, M])).fit(X)
    apart = [SnapshotPOD(metric=M).fit(part).singular_values_ for part in np.split(X, 2, axis=1)]
    assert_allclose(both.singular_values_, np.sort(np.concatenate(apart))[::-1], rtol=1e-9)


@every_metric
def test_variance_of_fields_is_that_of_many_draws(metric, rng):
    X, _ = smooth_rows(rng, 25, 81)
    pod = SnapshotPOD(5, metric=metric(9, rng)).fit(X)
    mean, variance = rng.normal(size=(1, 5)), rng.uniform(0.1, 2, size=(1, 5))
    draws = pod.inverse_transform(mean + np.sqrt(variance) * rng.normal(size=(20_000, 5)))
    found = pod.inverse_variance(variance)[0] - pod.truncation_variance_
    # A variance of so many normal draws has a standard error of 1%.
    assert_allclose(found, draws.var(axis=0), rtol=0.06)


def test_codes_without_variance_leave_what_is_left_out(rng):
    X, _ = smooth_rows(rng, 25, 81)
    pod = SnapshotPOD(5).fit(X)
    assert_array_equal(pod.inverse_variance(np.zeros((2, 5))), [pod.truncation_variance_] * 2)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    ("n_rows", "n_features", "n_components", "noise"),
    [
        (30, 80, 5, 0.05),
        (30, 80, 15, 0.05),
        (30, 80, None, 0.1),
        (150, 60, 8, 0.05),
        (40, 6, 3, 0.2),
    ],
)
def test_what_is_left_out_of_new_rows_is_foreseen(n_rows, n_features, n_components, noise, center):
    foreseen, fitted, truth = 0.0, 0.0, 0.0
    for seed in range(12):
        X, draw = smooth_rows(np.random.default_rng(seed), n_rows, n_features, noise=noise)
        pod = SnapshotPOD(n_components, center=center).fit(X)
        foreseen = foreseen + pod.truncation_variance_
        fitted += np.mean(pod.residual_norms(X) ** 2)
        truth += np.mean(pod.residual_norms(draw(1000)) ** 2)
    assert_allclose(foreseen.sum(), truth, rtol=0.12)
    # The residuals of the training rows themselves would be further off.
    assert abs(fitted - truth) > abs(foreseen.sum() - truth)


def test_what_is_left_out_is_by_feature_and_in_its_units(rng):
    X, draw = smooth_rows(rng, 400, 50, noise=0.02)
    X[:, 10] += rng.normal(size=400)
    new = draw(2000)
    new[:, 10] += rng.normal(size=2000)
    scales = np.exp(rng.normal(size=50))
    pod = SnapshotPOD(2, metric=diags_array(scales**-2)).fit(X * scales)
    missed = new * scales - pod.inverse_transform(pod.transform(new * scales))
    # A variance of 400 rows has a standard error of 7%.
    assert_allclose(pod.truncation_variance_, np.mean(missed**2, axis=0), rtol=0.4)
    plain = SnapshotPOD(2).fit(X)
    assert_allclose(pod.truncation_variance_, plain.truncation_variance_ * scales**2, rtol=1e-8)


def test_leaving_out_is_what_it_says(rng):
    X, _ = smooth_rows(rng, 12, 40, noise=0.1)
    M = mass_matrix(4, rng)
    X = X[:, :16]
    missed = []
    for row in range(12):
        others = SnapshotPOD(4, metric=M).fit(np.delete(X, row, axis=0))
        missed.append(X[row] - others.inverse_transform(others.transform(X[[row]]))[0])
    pod = SnapshotPOD(4, metric=M).fit(X)
    assert_allclose(pod.truncation_variance_, np.mean(np.square(missed), axis=0), rtol=1e-8)


def test_fields_seen_before_have_smaller_residuals_than_foreign_ones(rng):
    X, draw = smooth_rows(rng, 60, 100)
    pod = SnapshotPOD(0.99).fit(X)
    foreign, _ = smooth_rows(rng, 50, 100)
    assert np.median(pod.residual_norms(foreign)) > 2 * pod.residual_norms(draw(50)).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fitted", [np.float32, np.float64])
def test_every_result_keeps_the_float_type(dtype, fitted, rng):
    X, _ = smooth_rows(rng, 20, 36)
    pod = SnapshotPOD(3, metric=mass_matrix(6, rng)).fit(X.astype(fitted))
    codes = pod.transform(X.astype(dtype))
    results = [codes, pod.inverse_transform(codes), pod.inverse_variance(codes**2)]
    results.append(pod.residual_norms(X.astype(dtype)))
    assert {result.dtype for result in results} == {np.dtype(dtype)}
    assert_allclose(codes, SnapshotPOD(3, metric=pod.metric).fit_transform(X), rtol=1e-3, atol=1e-4)


def test_one_row_is_enough_where_it_is_not_centred():
    pod = SnapshotPOD(center=False).fit([[3.0, 4.0]])
    assert_allclose(pod.components_, [[0.6, 0.8]])
    assert_allclose(pod.transform([[3.0, 4.0]]), [[5.0]])
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        SnapshotPOD().fit([[3.0, 4.0]])


def test_the_metric_may_have_any_format(rng):
    X, _ = smooth_rows(rng, 20, 36)
    M = mass_matrix(6, rng)
    formats = [M, M.tocsc(), M.tocoo(), M.toarray(), M.toarray().tolist(), M.astype(np.float32)]
    expected = SnapshotPOD(4, metric=M).fit_transform(X)
    for each in formats:
        assert_allclose(
            SnapshotPOD(4, metric=each).fit_transform(X), expected, rtol=1e-4, atol=1e-5
        )


def test_clones_and_searches_keep_the_metric(rng):
    X, _ = smooth_rows(rng, 30, 36)
    y = X[:, 0]
    pod = SnapshotPOD(metric=mass_matrix(6, rng))
    assert (clone(pod).metric != pod.metric).nnz == 0
    search = GridSearchCV(make_pipeline(pod, Ridge()), {"snapshotpod__n_components": [1, 10, 0.99]})
    assert search.fit(X, y).best_score_ > 0.5


def test_modes_of_more_rows_come_nearer_to_the_true_ones():
    angles = []
    for n_rows in [10, 40, 160]:
        rng = np.random.default_rng(0)
        X, draw = smooth_rows(rng, n_rows, 60, decay=0.6, noise=0.1)
        truth = SnapshotPOD(3).fit(draw(5000)).components_
        angles.append(subspace_angles(SnapshotPOD(3).fit(X).components_.T, truth.T).max())
    assert angles == sorted(angles, reverse=True)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (np.eye(4), r"metric has the shape \(4, 4\), but X has 3 features"),
        (np.ones((2, 3)), r"metric has the shape \(2, 3\), but X has 3 features"),
        (csr_array(np.eye(4)), r"metric has the shape \(4, 4\), but X has 3 features"),
        (np.ones(3), "2D array"),
        (np.eye(3) + np.eye(3, k=1), "metric must be symmetric.* by up to 1"),
        (csr_array(np.eye(3) + np.eye(3, k=1)), "metric must be symmetric"),
        (np.diag([1.0, 0.0, 1.0]), "positive definite, but entry 1 of its diagonal is 0"),
        (csr_array(np.diag([1.0, 1.0, -2.0])), "entry 2 of its diagonal is -2"),
        (np.ones((3, 3)), "positive definite, but has eigenvalues that are negative or zero"),
        (csr_array(np.ones((3, 3))), "eigenvalues that are negative or zero"),
        (np.ones((3, 3)) + 2 * np.eye(3, k=1) + 2 * np.eye(3, k=-1), "negative or zero"),
        (csr_array(np.ones((3, 3)) + 2 * np.eye(3, k=1) + 2 * np.eye(3, k=-1)), "negative or zero"),
        (np.diag([1.0, np.nan, 1.0]), "metric contains NaN"),
    ],
)
def test_metrics_that_are_none(metric, message):
    with pytest.raises(ValueError, match=message):
        SnapshotPOD(metric=metric).fit([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]])


@pytest.mark.parametrize("n_components", [0, -1, 0.0, 1.0, 2.5, "all"])
def test_numbers_of_modes_that_are_none(n_components):
    with pytest.raises(ValueError, match="n_components"):
        SnapshotPOD(n_components).fit(np.eye(3))


@pytest.mark.parametrize("method", ["inverse_transform", "inverse_variance"])
def test_codes_of_another_width(method, rng):
    pod = SnapshotPOD(3).fit(rng.normal(size=(10, 6)))
    with pytest.raises(ValueError, match=r"one column for each of the 3 modes, got shape \(2, 4\)"):
        getattr(pod, method)(np.ones((2, 4)))


def test_variances_are_not_negative(rng):
    pod = SnapshotPOD(3).fit(rng.normal(size=(10, 6)))
    with pytest.raises(ValueError, match=r"codes_variance must not be negative, got -0\.5"):
        pod.inverse_variance([[1.0, -0.5, 0.0]])
