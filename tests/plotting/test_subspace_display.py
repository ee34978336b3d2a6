"""Similarities sorted by cluster, and spectra: what is drawn, of which rows, under which names."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold.cluster import MCRClustering
from skmanifold.plotting import SubspaceDisplay
from skmanifold.plotting._subspace_display import _drawn_rows, _line_styles

pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
pytestmark = pytest.mark.usefixtures("pyplot")


def orthogonal_clusters(sizes, dims, seed=0):
    """Features in subspaces of these dimensions, orthogonal to each other, in mixed order."""
    random = np.random.RandomState(seed)
    features, first = np.zeros((sum(sizes), sum(dims))), 0
    labels = np.repeat(np.arange(len(sizes)), sizes)
    for label, dim in enumerate(dims):
        rows = np.flatnonzero(labels == label)
        features[rows, first : first + dim] = random.standard_normal((len(rows), dim))
        first += dim
    order = random.permutation(len(labels))
    rotation = np.linalg.qr(random.standard_normal((sum(dims), sum(dims))))[0]
    return features[order] @ rotation, labels[order]


def few_settings():
    return MCRClustering(
        2, n_components=4, hidden_dim=8, pretrain_epochs=1, max_iter=1, refine=True, random_state=0
    )


@pytest.fixture(scope="module")
def X():
    return np.random.RandomState(0).standard_normal((40, 3)) + np.repeat([[0], [9]], 20, axis=0)


@pytest.fixture(scope="module")
def pipeline(X):
    return make_pipeline(StandardScaler(), few_settings()).fit(X)


@pytest.fixture(scope="module")
def blocks():
    """Three clusters in orthogonal subspaces of dimensions 2, 1 and 3."""
    return SubspaceDisplay(*orthogonal_clusters([9, 8, 7], [2, 1, 3])).plot()


@pytest.fixture(scope="module")
def mixed():
    """Two clusters of 5 and 8 samples in subspaces at an angle, named, drawn in part."""
    features, labels = orthogonal_clusters([5, 8], [2, 4])
    names = np.array(["left", "right"])
    return SubspaceDisplay(features + 0.3, names[labels]).plot(max_samples=11, cmap="magma")


def image(display):
    return np.asarray(display.image_.get_array())


def tick_names(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_orthogonal_subspaces_are_blocks_on_the_diagonal(blocks):
    drawn = blocks.labels[blocks.rows_]
    assert_array_equal(drawn, np.sort(blocks.labels))
    assert_allclose(image(blocks)[drawn[:, None] != drawn], 0, atol=1e-12)
    assert_allclose(image(blocks)[9:17, 9:17], 1)  # the cluster on a line


def test_similarities_are_those_of_the_rows_by_brute_force(mixed):
    for i, row in enumerate(mixed.features[mixed.rows_]):
        for j, other in enumerate(mixed.features[mixed.rows_]):
            cosine = row @ other / np.sqrt(row @ row * (other @ other))
            assert_allclose(image(mixed)[i, j], abs(cosine), atol=1e-12)


def test_lengths_and_signs_of_features_do_not_change_similarities(mixed):
    factors = np.random.RandomState(1).uniform(1, 5, (13, 1)) * np.resize([1, -1], (13, 1))
    other = SubspaceDisplay(factors * mixed.features, mixed.labels).plot(max_samples=11)
    assert_allclose(image(mixed), image(other), atol=1e-12)


def test_features_of_length_nought_are_like_none():
    display = SubspaceDisplay(np.vstack([np.zeros(3), np.eye(3)]), [0, 0, 1, 1]).plot()
    assert_array_equal(image(display), np.diag([0, 1, 1, 1]))


def test_colours_are_of_nought_to_one(mixed):
    assert mixed.image_.get_clim() == (0, 1)
    assert mixed.image_.get_cmap().name == "magma"
    assert (mixed.colorbar_.vmin, mixed.colorbar_.vmax) == (0, 1)


def test_spectra_end_at_the_dimension_of_the_subspace(blocks):
    *clusters, of_all = (line.get_ydata() for line in blocks.lines_)
    assert [np.sum(values > 1e-9) for values in clusters] == [2, 1, 3]
    assert np.sum(of_all > 1e-9) == 6
    for values in (*clusters, of_all):
        assert values[0] == 1
        assert np.all(np.diff(values) <= 0)


def test_spectra_are_roots_of_the_eigenvalues_of_second_moments(mixed):
    # Of all samples of the cluster, though not all are drawn.
    features = mixed.features[mixed.labels == "right"]
    eigenvalues = np.linalg.eigvalsh(features.T @ features)[::-1]
    assert_allclose(mixed.lines_[1].get_ydata() ** 2, eigenvalues / eigenvalues[0], atol=1e-12)


def test_a_cluster_of_few_samples_has_no_more_dimensions():
    features = np.random.RandomState(0).standard_normal((12, 5))
    display = SubspaceDisplay(features, [0] * 10 + [1] * 2).plot(n_values=99)
    assert_array_equal(display.lines_[1].get_xdata(), [1, 2, 3, 4, 5])
    assert_array_equal(display.lines_[1].get_ydata()[2:], 0)


@pytest.mark.parametrize("max_samples", [3, 10, 24, 31, 300])
def test_thins_the_largest_clusters_first(max_samples):
    sizes = np.array([20, 3, 9])
    labels = np.random.RandomState(0).permutation(np.repeat([0, 1, 2], sizes))
    rows = _drawn_rows(labels, max_samples)
    assert len(set(rows)) == len(rows) <= max_samples
    assert_array_equal(labels[rows], np.sort(labels[rows]))
    kept = np.bincount(labels[rows], minlength=3)
    quota = kept.max()
    assert_array_equal(kept, np.minimum(sizes, quota))
    # One more of each would be too many, unless all are there.
    assert np.minimum(sizes, quota + 1).sum() > max_samples or quota == sizes.max()


def test_thinned_rows_are_spread_evenly():
    rows = _drawn_rows(np.zeros(1000, dtype=int), 300)
    assert set(np.diff(rows)) == {3, 4}


def test_says_how_many_of_the_samples_are_drawn(blocks, mixed):
    assert "(11 of 13)" in mixed.ax_.get_xlabel()
    assert "of" not in blocks.ax_.get_xlabel()


def test_names_and_borders_of_clusters(mixed):
    for axis in (mixed.ax_.xaxis, mixed.ax_.yaxis):
        assert tick_names(axis) == ["left", "right"]
        assert_array_equal(axis.get_ticklocs(), [2, 7.5])  # the middle of blocks of 5 and 6
    borders = [line.get_xdata()[0] for line in mixed.ax_.lines if len(set(line.get_xdata())) == 1]
    assert borders == [4.5]
    assert [line.get_label() for line in mixed.lines_] == ["left", "right", "all"]


def test_names_do_not_overlap_and_those_of_large_clusters_stay():
    sizes = [2] * 30 + [200] + [2] * 30
    labels = np.repeat(np.arange(61), sizes)
    features = np.random.RandomState(0).standard_normal((len(labels), 3))
    display = SubspaceDisplay(features, labels).plot()
    display.figure_.canvas.draw()
    for axis in (display.ax_.xaxis, display.ax_.yaxis):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        assert not any(one.overlaps(two) for one, two in pairwise(boxes))
        assert "30" in tick_names(axis)


@pytest.mark.parametrize("n_clusters", [3, 12, 24])
def test_lines_differ_in_colour_or_dashes(n_clusters):
    looks = {(style["color"], style["linestyle"]) for style in _line_styles(n_clusters)}
    assert len(looks) == n_clusters


def test_lines_of_too_many_clusters_are_alike():
    labels = np.repeat(np.arange(40), 2)
    display = SubspaceDisplay(np.ones((len(labels), 2)), labels).plot()
    assert len(display.lines_) == 41
    assert len({line.get_color() for line in display.lines_}) == 2
    assert [text.get_text() for text in display.legend_.get_texts()] == ["each of 40", "all"]


def test_the_legend_names_each_line(blocks):
    assert [text.get_text() for text in blocks.legend_.get_texts()] == ["0", "1", "2", "all"]
    assert blocks.lines_[-1].get_color() == "k"


def test_a_single_cluster():
    display = SubspaceDisplay(np.eye(3), [0, 0, 0]).plot()
    display.figure_.canvas.draw()
    assert tick_names(display.ax_.yaxis) == ["0"]
    assert len(display.ax_.lines) == 0


def test_two_given_axes_take_both_panels(pyplot):
    figure, axes = pyplot.subplots(1, 2)
    display = SubspaceDisplay(*orthogonal_clusters([9, 8], [2, 4])).plot(axes)
    assert list(display.axes_) == list(axes)
    assert display.ax_ is axes[0]
    assert display.figure_ is figure
    assert all(line.axes is axes[1] for line in display.lines_)


def test_a_single_axes_takes_the_similarities(pyplot):
    ax = pyplot.subplots()[1]
    display = SubspaceDisplay(*orthogonal_clusters([9, 8], [2, 4])).plot(ax)
    assert list(display.axes_) == [ax]
    assert display.image_.axes is ax
    assert display.lines_ == []
    assert display.legend_ is None


def test_draws_what_was_fitted(pipeline):
    display = SubspaceDisplay.from_estimator(pipeline)
    display.figure_.canvas.draw()
    fitted = pipeline[-1]
    features = fitted.embedding_[display.rows_]
    assert_allclose(image(display), np.abs(features @ features.T), atol=1e-9)
    assert_array_equal(fitted.labels_[display.rows_], np.sort(fitted.labels_))


def test_other_samples_go_through_the_earlier_steps(pipeline, X):
    other = X[::-2] + 0.1
    display = SubspaceDisplay.from_estimator(pipeline, other, max_samples=10, n_values=3)
    scaled = pipeline[0].transform(other)
    assert_array_equal(display.features, pipeline[-1].transform(scaled))
    assert_array_equal(display.labels, pipeline[-1].predict(scaled))
    assert len(display.rows_) <= 10
    assert len(display.lines_[0].get_xdata()) == 3


def test_the_best_of_a_search(X):
    search = GridSearchCV(few_settings(), {"n_components": [4]}, cv=[(range(40), range(40))])
    display = SubspaceDisplay.from_estimator(search.fit(X), X)
    assert_array_equal(display.features, search.best_estimator_.transform(X))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (PCA(), r"PCA has no clusters \(no labels_\)"),
        (KMeans(2, n_init=1), r"KMeans has no features \(no embedding_\)"),
    ],
)
def test_refuses_other_estimators(other, message, X):
    with pytest.raises(ValueError, match=message):
        SubspaceDisplay.from_estimator(other.fit(X), X)


@pytest.mark.parametrize(
    "unfitted", [MCRClustering(), make_pipeline(StandardScaler(), MCRClustering())]
)
def test_refuses_what_is_not_fitted(unfitted):
    with pytest.raises(NotFittedError):
        SubspaceDisplay.from_estimator(unfitted)


@pytest.mark.parametrize(
    ("features", "labels", "settings", "error", "message"),
    [
        (np.eye(3), [0, 1], {}, ValueError, r"inconsistent numbers of samples"),
        (np.full((2, 2), np.nan), [0, 1], {}, ValueError, r"features contains NaN"),
        (np.eye(3), [0, 1, 2], {"max_samples": 2}, ValueError, r"less than the number of clusters"),
        (np.eye(3), [0, 1, 2], {"max_samples": 2.5}, TypeError, r"max_samples must be an instance"),
        (np.eye(3), [0, 1, 2], {"n_values": 0}, ValueError, r"n_values == 0, must be >= 1"),
    ],
)
def test_refuses_what_cannot_be_drawn(features, labels, settings, error, message):
    with pytest.raises(error, match=message):
        SubspaceDisplay(features, labels).plot(**settings)


def test_refuses_three_axes(pyplot):
    with pytest.raises(ValueError, match=r"one Axes, .*, or two, .*got 3"):
        SubspaceDisplay(np.eye(3), [0, 1, 2]).plot(pyplot.subplots(1, 3)[1])
