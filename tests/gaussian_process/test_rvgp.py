"""RVGP as a whole: invariances, the parts that may be given, and what its outputs mean."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial import ConvexHull
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.neighbors import kneighbors_graph

from tests.gaussian_process.known_fields import (
    KERNELS,
    assert_all_close,
    from_frames,
    golden_sphere,
    in_frames,
    knot_task,
    noisy_task,
    quick,
    rms,
    said,
    scalars,
    smooth_task,
    surface_task,
    tangential,
    turned,
)

N, N_NEW = 80, 40
TASK = surface_task("torus", N, N_NEW)
every_kernel = pytest.mark.parametrize("kernel", KERNELS)


# What must not matter.


@pytest.mark.parametrize(
    ("manifold", "sign", "atol"),
    # On the roll of few points the evidence is flat: its top is found to a few digits less.
    [("sphere", 1, 1e-6), ("torus", -1, 1e-6), ("moebius", -1, 1e-6), ("swiss_roll", 1, 1e-4)],
)
def test_a_turn_of_all_turns_the_predictions(manifold, sign, atol):
    task = surface_task(manifold)
    turn = sign * ortho_group.rvs(3, random_state=0)  # one sign of them is a reflection
    mean, _, covariance = said(quick().fit(task.X, task.y, task.X_new), task.X_new)
    model = quick().fit(task.X @ turn, task.y @ turn, task.X_new @ turn)
    expected = mean @ turn, turn.T @ covariance @ turn
    assert_all_close(said(model, task.X_new @ turn)[::2], expected, atol)


@pytest.mark.parametrize("n_eigenpairs", [30, 31])
@pytest.mark.parametrize("manifold", ["sphere", "torus"])
@every_kernel
def test_the_choice_of_frames_changes_nothing(manifold, kernel, n_eigenpairs):
    """Eigenvalues of oriented surfaces come in pairs, of which 31 is no whole number."""
    task = surface_task(manifold, N, N_NEW)
    models = [
        quick("vector", kernel=kernel, n_eigenpairs=n_eigenpairs).fit(
            task.X, task.y, task.X_new, frames=frames
        )
        for frames in (task.frames, turned(task.frames))
    ]
    one, other = ([*said(m, task.X_new), m.transform(task.X_new), m.eigenvalues_] for m in models)
    assert_all_close(one, other, 1e-8)


def test_units_of_the_points_and_of_the_labels():
    model = quick().fit(TASK.X, TASK.y, TASK.X_new)
    mean, std, covariance = said(model, TASK.X_new)
    X, X_new = 100 * TASK.X + 7, 100 * TASK.X_new + 7
    other = quick().fit(X, 1e-3 * TASK.y, X_new)
    assert_all_close(said(other, X_new), (1e-3 * mean, 1e-3 * std, 1e-6 * covariance), 1e-9)
    assert_allclose(other.eigenvalues_, 1e-4 * model.eigenvalues_, rtol=1e-8, atol=1e-12)
    assert_allclose(other.nodes_, 100 * model.nodes_ + 7)
    assert_allclose(other.noise_variance_, 1e-6 * model.noise_variance_, rtol=1e-4)
    gained = -TASK.y.size * np.log(1e-3)
    assert_allclose(other.log_marginal_likelihood(), model.log_marginal_likelihood() + gained)
    for name, value in model.hyperparameters_.items():
        unit = 100 if "length" in name else 1 if name == "nu" else 1e-3
        assert_allclose(other.hyperparameters_[name], unit * value, rtol=1e-3)


def test_extreme_units():
    expected = quick(kernel="tangent").fit(TASK.X, TASK.y).predict(TASK.X_new)
    for unit in (1e-100, 1e100):
        model = quick(kernel="tangent").fit(unit * TASK.X, TASK.y)
        assert_allclose(model.predict(unit * TASK.X_new), expected, atol=1e-6)


def test_the_order_of_the_rows_does_not_matter():
    order = np.random.default_rng(0).permutation(len(TASK.X))
    expected = said(quick().fit(TASK.X, TASK.y, TASK.X_new), TASK.X_new)
    model = quick().fit(TASK.X[order], TASK.y[order], TASK.X_new[::-1])
    assert_all_close(said(model, TASK.X_new), expected, 1e-6)


def test_points_that_are_given_twice_are_one_point():
    model = quick(kernel="spectral").fit(TASK.X, TASK.y, TASK.X_new)
    everything = np.concatenate((TASK.X, TASK.X_new, TASK.X_new))
    other = clone(model).fit(TASK.X, TASK.y, everything)
    assert_allclose(other.nodes_, model.nodes_, atol=1e-12)
    assert_all_close(said(other, TASK.X_new), said(model, TASK.X_new), 1e-6)


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
def test_two_labels_at_a_point_are_their_mean_with_half_the_variance(kernel):
    doubled = np.concatenate((TASK.X, TASK.X))
    params = {"kernel": kernel, "nu": 2.0}
    twice = quick("vector", **params, noise=np.sqrt(0.02)).fit(doubled, np.tile(TASK.y, (2, 1)))
    once = quick("vector", **params, noise=0.1).fit(TASK.X, TASK.y)
    assert_all_close(said(twice, TASK.X_new), said(once, TASK.X_new), 1e-5)


def test_labels_at_one_point_that_differ():
    task = smooth_task()
    apart = np.random.default_rng(0).choice([-0.4, 0.4], size=task.y.shape)
    model = quick("vector", kernel="tangent")
    twice = clone(model).fit(
        np.concatenate((task.X, task.X)), np.concatenate((task.y + apart, task.y - apart))
    )
    assert_allclose(twice.noise_variance_, 0.4**2, rtol=0.2)
    once = clone(model).fit(task.X, task.y)
    assert rms(twice.predict(task.X_new) - once.predict(task.X_new)) < 0.2


def test_unlabelled_points_shape_the_manifold():
    task = smooth_task(n_labels=40, n_new=200)
    rivals = [quick("vector", kernel="spectral").fit(task.X, task.y, U) for U in (None, task.X_new)]
    without, with_them = (task.rmse(model.predict(task.X_new)) for model in rivals)
    assert with_them < without
    assert len(rivals[1].nodes_) == 240
    assert len(rivals[0].nodes_) == len(rivals[0].frames_) == len(rivals[0].encoding_) == 40


def test_rows_without_labels_are_unlabelled_points():
    X, y = np.concatenate((TASK.X, TASK.X_new)), np.full((N + N_NEW, 3), np.nan)
    y[:N] = TASK.y
    model = quick(missing_target="unlabeled", kernel="tangent")
    expected = said(clone(model).fit(TASK.X, TASK.y, TASK.X_new), TASK.X_new)
    assert_all_close(said(clone(model).fit(X, y), TASK.X_new), expected, 1e-10)
    order = np.random.default_rng(0).permutation(len(X))
    mixed = clone(model).fit(X[order], y[order])
    assert_all_close(said(mixed, TASK.X_new), expected, 1e-6)
    flat = clone(model).fit(X, y[:, 0])
    assert_allclose(
        flat.predict(TASK.X_new),
        clone(model).fit(TASK.X, TASK.y[:, 0], TASK.X_new).predict(TASK.X_new),
        atol=1e-10,
    )


@every_kernel
@pytest.mark.parametrize("max_exact", [4000, 10])
def test_predictions_do_not_depend_on_the_batch(kernel, max_exact):
    model = quick(kernel=kernel, max_exact=max_exact).fit(TASK.X, TASK.y)
    whole = [*said(model, TASK.X_new), model.transform(TASK.X_new)]
    for row in (0, 7, 39):
        one = TASK.X_new[[row]]
        assert_all_close(
            [*said(model, one), model.transform(one)], [part[[row]] for part in whole], 1e-10
        )
    assert_allclose(model.predict(TASK.X_new), whole[0], atol=1e-12)


def test_seeds():
    """They draw labels for the search, landmarks and restarts."""
    params = {"n_landmarks": 60, "n_restarts": 1, "kernel": "tangent"}
    models = [quick(**params, random_state=seed).fit(TASK.X, TASK.y) for seed in (3, 3, 4)]
    same, again, other = (model.predict(TASK.X_new) for model in models)
    assert_array_equal(same, again)
    assert not np.array_equal(same, other)


# Kinds of fields.


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
@pytest.mark.parametrize("params", [{}, {"n_landmarks": 60}])
def test_tangent_fields_are_vector_fields_in_frames(kernel, params):
    frames = turned(TASK.frames)
    y = in_frames(TASK.y, frames[:N])
    model = quick("tangent", kernel=kernel, **params).fit(TASK.X, y, TASK.X_new, frames=frames)
    ambient = quick("vector", kernel=kernel).fit(
        TASK.X, from_frames(y, frames[:N]), TASK.X_new, frames=frames
    )
    assert model.field_ == "tangent"
    mean, std, covariance = said(model, TASK.X_new)
    assert mean.shape == std.shape == (N_NEW, 2)
    assert_allclose(mean, in_frames(ambient.predict(TASK.X_new), frames[N:]), atol=1e-7)
    expected = ambient.predict(TASK.X_new, return_cov=True)[1]
    assert_allclose(covariance, frames[N:].mT @ expected @ frames[N:], atol=1e-7)
    assert_allclose(
        model.predict(TASK.X), in_frames(ambient.predict(TASK.X), frames[:N]), atol=1e-7
    )


def test_labels_of_one_point_in_different_frames():
    frames = np.concatenate((TASK.labelled_frames, turned(TASK.labelled_frames)))
    X, y = np.tile(TASK.X, (2, 1)), in_frames(np.tile(TASK.y, (2, 1)), frames)
    params = {"kernel": "tangent"}
    twice = quick("tangent", **params, noise=np.sqrt(0.02)).fit(X, y, frames=frames)
    once = quick("tangent", **params, noise=0.1).fit(TASK.X, y[:N], frames=frames[:N])
    assert_all_close(said(twice, TASK.X), said(once, TASK.X), 1e-5)


def test_auto_tells_vectors_from_scalars():
    model = quick(kernel="tangent")
    assert clone(model).fit(TASK.X, TASK.y).field_ == "vector"
    assert model.fit(TASK.X, TASK.y).tangential_share_ > 0.8
    knot = knot_task()
    noise = np.random.default_rng(0).normal(size=knot.y.shape)
    model.set_params(manifold_dim=1, n_frame_neighbors=6)
    assert model.fit(knot.X, noise).field_ == "scalar"
    assert abs(model.tangential_share_ - 1 / 3) < 0.2
    for y in (TASK.y[:, 0], TASK.y[:, :1], TASK.y[:, :2]):
        assert model.fit(TASK.X, y).field_ == "scalar"
        assert model.tangential_share_ is None


def test_a_field_that_is_not_tangent_is_warned_of():
    upright = TASK.y + 3 * np.cross(*TASK.labelled_frames.transpose(2, 0, 1))
    model = quick("vector", kernel="ambient")
    with pytest.warns(UserWarning, match=r"Only \d+% of the energy .* dimension 2"):
        model.fit(TASK.X, upright)
    assert model.field_ == "vector"
    assert model.tangential_share_ < 0.3


def test_a_normal_part_is_kept_where_it_is_real():
    task = smooth_task()
    y = 0.5 * task.X + task.y
    model = quick("vector").fit(task.X, y, task.X_new)
    assert not model.projection_
    assert rms(model.predict(task.X_new) - 0.5 * task.X_new - task.truth) < 0.15


@every_kernel
def test_scalar_fields(kernel):
    X, X_new = smooth_task().X, smooth_task().X_new
    y = scalars(X) + 0.05 * np.random.default_rng(0).normal(size=len(X))
    model = quick(kernel=kernel).fit(X, y, X_new)
    mean, std, covariance = said(model, X_new)
    assert mean.shape == std.shape == (50,)
    assert covariance.shape == (50, 1, 1)
    assert rms(mean - scalars(X_new)) < 0.2 * y.std()
    assert model.sample_y(X_new, 4).shape == (50, 4)
    assert model.encoding_.shape[1] == 1
    column = quick(kernel=kernel).fit(X, y[:, None], X_new)
    assert_all_close(said(column, X_new), (mean[:, None], std[:, None], covariance), 1e-12)
    assert column.sample_y(X_new, 4).shape == (50, 1, 4)


@every_kernel
def test_several_scalars_are_fields_of_their_own_scale(kernel):
    y = scalars(TASK.X)
    several = np.column_stack((y, 3 - 200 * y, y))
    model = quick("scalar", kernel=kernel).fit(TASK.X, several, TASK.X_new)
    mean, std, covariance = said(model, TASK.X_new)
    assert_allclose(mean, np.column_stack((mean[:, 0], 3 - 200 * mean[:, 0], mean[:, 0])))
    assert_allclose(std, std[:, :1] * [1, 200, 1])
    assert_allclose(covariance, np.apply_along_axis(np.diag, 1, std**2), atol=1e-8)
    assert model.noise_variance_.shape == (3,)
    assert_allclose(model.noise_variance_[1], 4e4 * model.noise_variance_[0])
    single = quick("scalar", kernel=kernel).fit(TASK.X, y, TASK.X_new)
    assert_allclose(single.predict(TASK.X_new), mean[:, 0], atol=0.05)


def test_vectors_where_the_manifold_fills_the_space():
    X = np.random.default_rng(0).uniform(-1, 1, size=(150, 2))
    vectors = np.column_stack((np.sin(2 * X[:, 1]), X[:, 0] * X[:, 1]))
    task = noisy_task(X, vectors, np.tile(np.eye(2), (150, 1, 1)), 100, 0.05, 0)
    assert quick(kernel="tangent").fit(task.X, task.y).field_ == "scalar"
    for field in ("scalar", "vector"):
        model = quick(field).fit(task.X, task.y, task.X_new)
        assert (model.manifold_dim_, model.n_frame_neighbors_) == (2, None)
        assert task.rmse(model.predict(task.X_new)) < 0.1 < task.neighbors_rmse()


# Manifolds of every kind.


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
@pytest.mark.parametrize(
    ("task", "n_frame_neighbors", "n_neighbors"),
    [(knot_task(), 6, 10), (smooth_task(), 12, 40), (smooth_task(3, 150), 20, 60)],
)
def test_manifolds_of_any_dimension(task, n_frame_neighbors, n_neighbors, kernel):
    model = quick(n_frame_neighbors=n_frame_neighbors, n_neighbors=n_neighbors, kernel=kernel)
    mean, covariance = model.fit(task.X, task.y, task.X_new).predict(task.X_new, return_cov=True)
    assert model.field_ == "vector"
    assert model.frames_.shape[1:] == task.frames.shape[1:]
    assert model.frames_.shape[2] == model.manifold_dim_
    # Thirty eigenvectors are few for a sphere of three dimensions.
    assert task.rmse(mean) < (0.8 if kernel == "tangent" else 0.95) * task.neighbors_rmse()
    assert np.isfinite(covariance).all()


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
def test_an_isometric_embedding_changes_nothing(kernel):
    """In 20 dimensions only the units of the weak priors differ a little."""
    axes = ortho_group.rvs(20, random_state=0)[:3]
    task = smooth_task()
    model = quick("vector", kernel=kernel, manifold_dim=2).fit(task.X, task.y, task.X_new)
    lifted = clone(model).fit(task.X @ axes, task.y @ axes, task.X_new @ axes)
    mean, _, covariance = said(model, task.X_new)
    expected = mean @ axes, axes.T @ covariance @ axes
    assert_all_close(said(lifted, task.X_new @ axes)[::2], expected, 2e-3)


def test_twenty_dimensions_by_default():
    axes = ortho_group.rvs(20, random_state=0)[:3]
    task = smooth_task()
    model = quick().fit(task.X @ axes, task.y @ axes, task.X_new @ axes)
    assert (model.field_, model.manifold_dim_) == ("vector", 2)
    assert task.rmse(model.predict(task.X_new @ axes) @ axes.T) < 0.8 * task.neighbors_rmse()


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
def test_parts_that_no_edge_joins(kernel):
    task, shift = smooth_task(), [10.0, 0, 0]
    X, y = np.concatenate((task.X, task.X + shift)), np.concatenate((task.y, -task.y))
    model = quick(kernel=kernel, n_neighbors=40, n_eigenpairs=60).fit(X, y)
    assert model.n_graph_components_ == 2
    assert task.rmse(model.predict(task.X_new)) < task.neighbors_rmse()
    assert task.rmse(-model.predict(task.X_new + shift)) < task.neighbors_rmse()


def test_parts_are_counted_in_the_graph_that_was_chosen():
    task = smooth_task()
    X, y = np.concatenate((task.X, task.X + np.eye(3)[0] * 10)), np.tile(task.y, (2, 1))
    params = {"n_neighbors": "auto", "n_frame_neighbors": "auto", "kernel": "spectral"}
    model = quick(**params).fit(X, y)
    assert model.n_graph_components_ == (2 if model.n_neighbors_ < 100 else 1)
    # The search finds what each of its settings finds by itself.
    results = model.evidence_results_
    names = ["n_neighbors", "n_frame_neighbors"]
    for *numbers, expected in zip(
        *(results[name] for name in [*names, "log_evidence"]), strict=True
    ):
        alone = quick(kernel="spectral", **dict(zip(names, map(int, numbers), strict=True))).fit(
            X, y
        )
        assert_allclose(
            alone.log_marginal_likelihood(), expected - y.size * np.log(rms(y) / 2**0.5), atol=0.01
        )


def test_a_part_without_labels_keeps_the_prior():
    task, shift = smooth_task(), [10.0, 0, 0]
    for kernel in ("tangent", "ambient"):
        model = quick("vector", kernel=kernel).fit(task.X, task.y, task.X + shift)
        mean, std = model.predict(task.X_new + shift, return_std=True)
        prior = model.hyperparameters_[f"{kernel}_scale"]
        assert np.abs(mean).max() < 1e-6
        assert_allclose((std**2).sum(1), 2 * prior**2, rtol=1e-6)
    # The spectral term's prior is even on average only.
    model = quick("vector", kernel="spectral").fit(task.X, task.y, task.X + shift)
    mean, std = model.predict(task.X + shift, return_std=True)
    prior = model.hyperparameters_["spectral_scale"]
    assert np.abs(mean).max() < 1e-6
    assert_allclose((std**2).sum(1).mean(), 2 * prior**2, rtol=0.3)


@every_kernel
def test_far_from_the_data_the_prior_returns(kernel):
    task, far = smooth_task(), np.array([[90.0, 0, 0], [0, -50, 40]])
    model = quick("vector", kernel=kernel).fit(task.X, task.y, task.X_new)
    scales = [value for name, value in model.hyperparameters_.items() if "_scale" in name]
    mean, covariance = model.predict(far, return_cov=True)
    assert_allclose(mean, 0, atol=1e-8)
    top = np.linalg.eigvalsh(covariance)[:, -2:]
    assert_allclose(top, np.sum(np.square(scales)), rtol=1e-6)
    y = scalars(task.X)
    model = quick(kernel=kernel).fit(task.X, y, task.X_new)
    scales = [value for name, value in model.hyperparameters_.items() if "_scale" in name]
    mean, std = model.predict(far, return_std=True)
    assert_allclose(mean, y.mean())
    assert_allclose(std, np.linalg.norm(scales), rtol=1e-6)


# What may be given.


GLOBE = golden_sphere(200)
LABELLED = np.random.default_rng(0).permutation(200) < 80


def globe_task():
    """A field at evenly spread points, labelled in 80 of them: X holds all points."""
    frames = np.linalg.svd(GLOBE[:, None])[2][:, 1:].mT
    waves = np.column_stack(
        (np.sin(2 * GLOBE[:, 1]), GLOBE[:, 0] * GLOBE[:, 2], np.cos(2 * GLOBE[:, 0]))
    )
    vectors = tangential(waves, frames)
    y = vectors + 0.1 * np.random.default_rng(1).normal(size=GLOBE.shape)
    return np.where(LABELLED[:, None], y, np.nan), vectors, frames


def held_out_rmse(model, vectors):
    return rms((model.predict(GLOBE) - vectors)[~LABELLED])


@pytest.mark.parametrize("kernel", ["tangent", "spectral"])
def test_a_mesh_is_as_good_as_its_points_or_better(kernel):
    y, vectors, _ = globe_task()
    faces = ConvexHull(GLOBE).simplices
    model = quick(kernel=kernel, missing_target="unlabeled")
    cloud = held_out_rmse(clone(model).fit(GLOBE, y), vectors)
    model.fit(GLOBE, y, faces=faces)
    assert held_out_rmse(model, vectors) < 1.05 * cloud
    assert (model.n_neighbors_, model.n_frame_neighbors_) == (None, None)
    assert np.abs(np.einsum("nd,ndm->nm", GLOBE, model.frames_)).max() < 0.1
    assert model.n_graph_components_ == 1


def test_eigenvalues_of_a_mesh_are_those_of_the_sphere():
    """Of the Bochner Laplacian on the unit sphere: l (l + 1) - 1, 2 (2 l + 1) times."""
    y, _, frames = globe_task()
    model = quick("vector", kernel="spectral", missing_target="unlabeled")
    expected = np.repeat([1, 5], [6, 10])
    found = model.fit(GLOBE, y, faces=ConvexHull(GLOBE).simplices).eigenvalues_
    assert_allclose(found[:16], expected, rtol=0.05)
    assert_allclose(model.fit(GLOBE, y, frames=frames).eigenvalues_[:16], expected, rtol=0.1)


@pytest.mark.parametrize("form", [csr_array, lambda graph: graph.toarray()])
def test_a_given_graph(form):
    y, vectors, _ = globe_task()
    graph = kneighbors_graph(GLOBE, 8)
    model = quick("vector", kernel="spectral", missing_target="unlabeled")
    model.fit(GLOBE, y, graph=form(graph.maximum(graph.T)))
    assert model.n_neighbors_ is None
    assert held_out_rmse(model, vectors) < 0.25 < rms(vectors[~LABELLED])
    # The unit of the weights does not matter.
    expected = model.predict(GLOBE)
    model.fit(GLOBE, y, graph=form(1e3 * graph.maximum(graph.T)))
    assert_allclose(model.predict(GLOBE), expected, atol=1e-8)


def test_a_given_graph_says_what_hangs_together():
    y, _, _ = globe_task()
    north = GLOBE[:, 2] > 0
    graph = kneighbors_graph(GLOBE, 15).toarray()
    graph = np.maximum(graph, graph.T) * (north[:, None] == north)
    model = quick("vector", kernel="spectral", missing_target="unlabeled")
    labels = np.where(north[:, None], y, np.nan)
    model.fit(GLOBE, labels, graph=graph)
    assert model.n_graph_components_ == 2
    assert np.abs(model.predict(GLOBE[GLOBE[:, 2] < -0.5])).max() < 1e-6


def test_given_frames_are_used():
    model = quick("vector", kernel="tangent").fit(TASK.X, TASK.y, TASK.X_new, frames=TASK.frames)
    assert_allclose(model.frames_, TASK.frames, atol=1e-12)
    assert model.n_frame_neighbors_ is None
    mean = model.predict(TASK.X_new)
    assert_allclose(tangential(mean, TASK.frames[N:]), mean, atol=1e-9)


def test_landmarks():
    task = surface_task("torus", 200)
    whole = quick(kernel="tangent").fit(task.X, task.y, task.X_new)
    model = quick(n_landmarks=150, kernel="tangent").fit(task.X, task.y, task.X_new)
    assert model.nodes_.shape == (150, 3)
    everything = {tuple(row) for row in np.round(np.concatenate((task.X, task.X_new)), 9)}
    assert {tuple(row) for row in np.round(model.nodes_, 9)} <= everything
    errors = [task.rmse(each.predict(task.X_new)) for each in (whole, model)]
    assert errors[1] < 1.3 * errors[0]
    assert quick(n_landmarks=1000, kernel="ambient").fit(task.X, task.y).nodes_.shape == (200, 3)


@pytest.mark.parametrize("kernel", ["hybrid", "tangent", "ambient"])
@pytest.mark.parametrize("field", ["vector", "scalar"])
def test_the_low_rank_route_is_close_to_the_exact_one(kernel, field):
    """With an inducing point at every node it is exact but for the jitter."""
    exact, low_rank = (
        quick(field, kernel=kernel, noise=0.1, max_exact=size).fit(TASK.X, TASK.y, TASK.X_new)
        for size in (4000, 10)
    )
    mean, std = exact.predict(TASK.X_new, return_std=True)
    found = low_rank.predict(TASK.X_new, return_std=True)
    assert_allclose(found[0], mean, atol=1e-3)
    assert_allclose(found[1], std, atol=1e-2 * std.max())
    assert low_rank.terms_ == exact.terms_
    samples = low_rank.sample_y(TASK.X_new[:5], 500)
    assert_allclose(samples.std(2), found[1][:5], rtol=0.2)


@every_kernel
def test_kernels_and_hyperparameters_stay_as_given(kernel):
    model = quick("vector", kernel=kernel, nu=1.5, noise=0.3).fit(TASK.X, TASK.y)
    assert model.local_kernel_ == "rbf"
    if kernel != "hybrid":
        assert model.terms_ == (kernel,)
    if "spectral" in model.terms_:
        assert_allclose(model.hyperparameters_["nu"], 1.5)
    assert_allclose(model.hyperparameters_["noise"], 0.3)
    assert_allclose(model.noise_variance_, 0.09)
    assert (model.n_neighbors_, model.n_frame_neighbors_) == (15, 12)
    smoother = quick("vector", kernel=kernel, local_kernel="matern52").fit(TASK.X, TASK.y)
    assert smoother.local_kernel_ == "matern52"


@every_kernel
@pytest.mark.parametrize("max_exact", [4000, 10])
def test_given_noise_is_that_of_every_output(kernel, max_exact):
    y = np.column_stack([scale * scalars(TASK.X) for scale in (1, 5)])
    model = quick("scalar", kernel=kernel, noise=0.3, max_exact=max_exact).fit(TASK.X, y)
    assert_allclose(model.noise_variance_, 0.09)


def test_eigenpairs():
    for n_eigenpairs in (1, 7, 10_000):
        model = quick("scalar", kernel="spectral", n_eigenpairs=n_eigenpairs)
        model.fit(TASK.X, TASK.y[:, 0])
        n_pairs = len(model.eigenvalues_)
        assert 1 <= n_pairs <= min(n_eigenpairs, N)
        assert model.encoding_.shape == (N, 1, n_pairs)
        assert (np.diff(model.eigenvalues_) > -1e-9).all()
        assert_allclose(model.eigenvalues_[0], 0, atol=1e-9)  # constants are smooth
