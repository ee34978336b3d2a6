import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmanifold import TinvMDS, tinv_mds
from skmanifold.datasets import make_shapes, moved_clouds
from skmanifold.exceptions import DegenerateFrameWarning
from skmanifold.plotting import PointCloudDisplay

mpl = pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
pytestmark = pytest.mark.usefixtures("pyplot")


@pytest.fixture
def X():
    return moved_clouds(make_shapes(13, n_points=40, random_state=0).X, random_state=1)


@pytest.fixture
def tinv(X):
    return TinvMDS().fit(X)


def draw(display):
    """Render, as saving would: layout errors come up only here."""
    display.figure_.canvas.draw()


def points(scatter):
    """Points that a panel shows, of shape (n_points, 2 or 3)."""
    offsets = getattr(scatter, "_offsets3d", None)
    return np.asarray(scatter.get_offsets()) if offsets is None else np.column_stack(offsets)


def lines(ax):
    """Ends of the axes of the frame in a panel, each of shape (2, 2 or 3)."""
    return [
        np.column_stack(line.get_data_3d() if ax.name == "3d" else line.get_data())
        for line in ax.get_lines()
    ]


def numbers(ax):
    return [text.get_text() for text in ax.texts if text.get_text().isdigit()]


def is_dashed(ax):
    return [line.get_linestyle() != "-" for line in ax.get_lines()]


def degenerate_clouds():
    """Clouds in three dimensions, and their tied axes and those whose sign only is open."""
    grid = np.array(np.meshgrid(*[np.linspace(-1, 1, 5)] * 3)).reshape(3, -1).T
    angle = np.arange(40) * np.pi / 20
    ring = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    skewed = np.exp(np.random.default_rng(0).normal(size=(60, 3))) * [3, 2, 1]
    return {
        "cube": (grid, [1, 1, 1], [0, 0, 0]),
        "box": (grid * [3, 2, 1], [0, 0, 0], [1, 1, 1]),
        "prism": (grid * [3, 1, 1], [0, 1, 1], [1, 0, 0]),
        "ring": (ring, [1, 1, 0], [0, 0, 0]),
        "skewed": (skewed, [0, 0, 0], [0, 0, 0]),
    }


@pytest.mark.parametrize(("ragged", "color"), [(False, True), (True, False)])
@pytest.mark.parametrize("n_dims", [1, 2, 3, 5])
def test_draws_every_kind(rng, n_dims, ragged, color):
    X = rng.exponential(size=(2, 30, n_dims))
    X = [cloud[: 30 - i] for i, cloud in enumerate(X)] if ragged else X
    given = [cloud[:, 0] for cloud in X] if color else None
    display = PointCloudDisplay.from_estimator(TinvMDS().fit(X), X, color=given)
    draw(display)
    assert display.axes_.shape == display.scatters_.shape == (2, 2)
    assert {ax.name == "3d" for ax in display.axes_.flat} == {n_dims >= 3}
    assert (display.colorbar_ is not None) == color
    assert display.ax_ is display.axes_[0, 0]
    assert {ax.figure for ax in display.axes_.flat} == {display.figure_}


def test_shows_what_goes_in_and_what_comes_out(tinv, X):
    display = PointCloudDisplay.from_estimator(tinv, X, clouds=[5, 0])
    for column, cloud in enumerate([5, 0]):
        assert_allclose(points(display.scatters_[0, column]), X[cloud])
        assert_allclose(points(display.scatters_[1, column]), tinv.transform(X)[cloud])


def test_first_four_clouds_by_default(tinv, X):
    display = PointCloudDisplay.from_estimator(tinv, X)
    assert [ax.get_title() for ax in display.axes_[0]] == [f"cloud {i}" for i in range(4)]
    assert PointCloudDisplay.from_estimator(tinv, X[:2]).axes_.shape == (2, 2)


def test_names_and_colors_are_those_of_the_chosen(tinv, X):
    color = np.arange(X[..., 0].size, dtype=float).reshape(X.shape[:2])
    names = [f"shape {i}" for i in range(len(X))]
    display = PointCloudDisplay.from_estimator(
        tinv, X, clouds=[7, 2], color=color, names=names, color_label="order"
    )
    assert [ax.get_title() for ax in display.axes_[0]] == ["shape 7", "shape 2"]
    for row in display.scatters_:
        assert_array_equal([scatter.get_array() for scatter in row], color[[7, 2]])
    limits = {scatter.get_clim() for scatter in display.scatters_.flat}
    assert limits == {(color[2].min(), color[7].max())}
    assert display.colorbar_.ax.get_ylabel() == "order"


def test_points_keep_their_color(tinv, X):
    display = PointCloudDisplay.from_estimator(tinv, X)
    for cloud, column in enumerate(display.scatters_.T):
        for scatter in column:
            assert_allclose(scatter.get_array(), tinv.transform(X)[cloud, :, 0])


def test_missing_color_is_grey(X):
    color = np.where(np.arange(40) < 3, np.nan, 1.0)
    display = PointCloudDisplay.from_estimator(TinvMDS().fit(X[0][:, :2]), X[0][:, :2], color=color)
    draw(display)
    grey = mpl.colors.to_rgba("lightgrey")
    for scatter in display.scatters_.flat:
        assert len(points(scatter)) == 40
        assert_array_equal((scatter.get_facecolors() == grey).all(axis=1), np.isnan(color))


@pytest.mark.parametrize("scale", ["max_eig", "trace", None])
def test_axes_are_as_long_as_the_cloud_is_wide(rng, scale):
    cloud = rng.exponential(size=(200, 3)) * [9, 6, 4] + 20
    display = PointCloudDisplay.from_estimator(TinvMDS(scale=scale).fit(cloud[None]), cloud[None])
    values, vectors = np.linalg.eigh(np.cov(cloud.T, bias=True))
    before, after = (np.array(lines(ax)) for ax in display.axes_[:, 0])
    assert_allclose(before[:, 0], np.tile(cloud.mean(axis=0), (3, 1)))
    arms = before[:, 1] - before[:, 0]
    assert_allclose(np.linalg.norm(arms, axis=1), np.sqrt(values[::-1]))
    unit = arms / np.sqrt(values[::-1])[:, None]
    assert_allclose(np.abs(unit @ vectors[:, ::-1]), np.eye(3), atol=1e-9)
    expected = np.sqrt(np.square(points(display.scatters_[1, 0])).mean(axis=0))
    assert_allclose(after[:, 1], np.diag(expected))
    assert_array_equal(after[:, 0], np.zeros((3, 3)))


def test_axes_point_where_coordinates_grow(tinv, X):
    display = PointCloudDisplay.from_estimator(tinv, X)
    for cloud in range(4):
        for axis, (start, end) in enumerate(lines(display.axes_[0, cloud])):
            along = X[cloud] @ (end - start)
            assert np.corrcoef(along, tinv.transform(X)[cloud, :, axis])[0, 1] > 1 - 1e-9
        assert numbers(display.axes_[0, cloud]) == ["1", "2", "3"]


def test_canonical_panels_look_the_same_after_a_motion(X):
    moved = moved_clouds(X, reflect=True, random_state=2)
    one, other = (PointCloudDisplay.from_estimator(TinvMDS().fit(Y), Y[:2]) for Y in (X, moved))
    for here, there in zip(one.axes_[1], other.axes_[1], strict=True):
        assert_allclose(lines(here), lines(there), atol=1e-9)
        for limit in ("get_xlim", "get_ylim", "get_zlim"):
            assert_allclose(getattr(here, limit)(), getattr(there, limit)(), atol=1e-9)


@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_limits_show_everything(rng, n_dims):
    X = moved_clouds(rng.exponential(size=(3, 50, n_dims)), random_state=0)
    display = PointCloudDisplay.from_estimator(TinvMDS().fit(X), X)
    for ax, scatter in zip(display.axes_.flat, display.scatters_.flat, strict=True):
        for name, shown in zip("xyz", points(scatter).T, strict=False):
            low, high = getattr(ax, f"get_{name}lim")()
            assert low < shown.min() <= shown.max() < high
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in display.axes_[1]}) == 1
    assert len({ax.get_xlim() for ax in display.axes_[0]}) == 3


@pytest.mark.parametrize("n_dims", [2, 3])
def test_one_scale_for_all_directions(rng, n_dims):
    X = moved_clouds(rng.normal(size=(2, 50, n_dims)) * [100, 10, 1][:n_dims], random_state=0)
    display = PointCloudDisplay.from_estimator(TinvMDS().fit(X), X)
    draw(display)
    for ax in display.axes_.flat:
        if n_dims == 3:  # rows of a scaled rotation
            shown = ax.get_proj()[:2, :3]
        else:
            shown = np.diag(np.divide(ax.bbox.size, [np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())]))
        assert_allclose(shown @ shown.T / np.sum(shown[0] ** 2), np.eye(2), atol=1e-9)


@pytest.mark.parametrize("name", degenerate_clouds())
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_open_axes_are_marked(name, dtype):
    cloud, tied, unsigned = degenerate_clouds()[name]
    X = moved_clouds(cloud[None], max_scale=1, random_state=0).astype(dtype)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateFrameWarning)
        tinv = TinvMDS().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        display = PointCloudDisplay.from_estimator(tinv, X)
    assert bool(caught) == bool(display.axes_[1, 0].get_title())
    assert_array_equal(display.tied, [tied])
    assert_array_equal(display.unsigned & ~display.tied, [unsigned])
    n_drawn = 2 if name == "ring" else 3
    for ax in display.axes_[:, 0]:
        assert is_dashed(ax) == [bool(flag) for flag in tied[:n_drawn]]
        often = np.add(1, np.logical_or(tied, unsigned))[:n_drawn]
        assert numbers(ax) == [str(axis + 1) for axis, n in enumerate(often) for _ in range(n)]


def test_hints_say_what_is_open(rng):
    X = rng.normal(size=(3, 20, 3))
    tied = [[0, 0, 0], [1, 1, 0], [0, 1, 1]]
    unsigned = [[0, 0, 0], [0, 0, 1], [1, 0, 0]]
    display = PointCloudDisplay.from_clouds(X, X - X.mean(1)[:, None], tied=tied, unsigned=unsigned)
    assert [ax.get_title() for ax in display.axes_[1]] == [
        "",
        "axes 1 and 2 tied\nsign of axis 3 open",
        "axes 2 and 3 tied\nsign of axis 1 open",
    ]


def test_wider_tolerance_marks_more(X):
    with pytest.warns(DegenerateFrameWarning):
        tinv = TinvMDS(gap_tol=0.99, sign_tol=0.99).fit(X)
    wide = PointCloudDisplay.from_estimator(tinv, X)
    assert wide.tied[:, :2].all()
    assert wide.unsigned.all()
    assert not PointCloudDisplay.from_estimator(TinvMDS().fit(X), X).tied.any()


def test_axes_without_extent_are_left_out():
    line = np.outer(np.arange(9.0) ** 2, [1.0, 2.0, 3.0])
    display = PointCloudDisplay.from_estimator(TinvMDS().fit(line[None]), line[None])
    draw(display)
    assert [numbers(ax) for ax in display.axes_[:, 0]] == [["1"], ["1"]]


@pytest.mark.parametrize("n_dims", [1, 2, 3])
@pytest.mark.parametrize("place", [0.0, 1e9])
def test_single_place(n_dims, place):
    X = np.full((2, 4, n_dims), place)
    display = PointCloudDisplay.from_estimator(TinvMDS().fit(X), X)
    draw(display)
    assert not any(lines(ax) for ax in display.axes_.flat)


def test_rows_are_clouds_with_point_dim(X, tinv):
    rows = pd.DataFrame(X.reshape(len(X), -1)).add_prefix("x")
    flat = TinvMDS(point_dim=3).set_output(transform="pandas").fit(rows)
    display = PointCloudDisplay.from_estimator(flat, rows, clouds=[4, 1])
    expected = PointCloudDisplay.from_estimator(tinv, X, clouds=[4, 1])
    for here, there in zip(display.scatters_.flat, expected.scatters_.flat, strict=True):
        assert_allclose(points(here), points(there))


def test_pipeline_shows_what_reaches_its_last_step(X):
    halved = FunctionTransformer(lambda X: X[:, ::2])
    pipeline = make_pipeline(halved, TinvMDS()).fit(X)
    display = PointCloudDisplay.from_estimator(pipeline, X, clouds=[3])
    assert_allclose(points(display.scatters_[0, 0]), X[3, ::2])
    assert_allclose(points(display.scatters_[1, 0]), pipeline.transform(X)[3])


def test_one_cloud(rng):
    cloud = rng.exponential(size=(50, 2))
    tinv = TinvMDS().fit(cloud)
    color = np.arange(50.0)
    display = PointCloudDisplay.from_estimator(tinv, cloud, color=color, names="it")
    assert display.axes_.shape == (2, 1)
    assert display.ax_.get_title() == "it"
    assert_allclose(points(display.scatters_[1, 0]), tinv.transform(cloud))
    for scatter in display.scatters_.flat:
        assert_array_equal(scatter.get_array(), color)


def test_new_points_of_one_cloud_lie_in_its_frame(rng):
    tinv = TinvMDS(2).fit(rng.exponential(size=(50, 3)) * [3, 2, 1])
    new = rng.normal(size=(2, 3))
    display = PointCloudDisplay.from_estimator(tinv, new)
    width = np.sqrt(np.square(tinv.transform(new)).mean(axis=0))
    arms = [end - start for start, end in lines(display.axes_[0, 0])]
    assert_allclose(arms, width[:, None] * tinv.scale_ * tinv.components_)
    assert_allclose(lines(display.axes_[0, 0])[0][0], tinv.mean_)
    assert not display.tied.any()


def test_from_clouds_takes_coordinates_of_the_function(X):
    after = tinv_mds(torch.from_numpy(X)).numpy()
    given = PointCloudDisplay.from_clouds(X, after, clouds=[2])
    expected = PointCloudDisplay.from_estimator(TinvMDS().fit(X), X, clouds=[2])
    for row in range(2):
        assert_allclose(lines(given.axes_[row, 0]), lines(expected.axes_[row, 0]), atol=1e-9)
    single = PointCloudDisplay.from_clouds(X[2], after[2])
    assert_allclose(lines(single.ax_), lines(given.ax_))


def test_fewer_axes_than_dimensions(rng):
    X = rng.exponential(size=(2, 40, 5)) * [5, 4, 3, 2, 1]
    display = PointCloudDisplay.from_estimator(TinvMDS(2).fit(X), X)
    assert [ax.name == "3d" for ax in display.axes_[:, 0]] == [True, False]
    assert [text.get_text() for text in display.axes_[0, 0].texts][
        -1
    ] == "input (3 of 5 dimensions)"
    assert [text.get_text() for text in display.axes_[1, 0].texts][-1] == "canonical"


def test_given_axes(pyplot, tinv, X):
    _, axes = pyplot.subplots(2, 3, subplot_kw={"projection": "3d"})
    assert_array_equal(PointCloudDisplay.from_estimator(tinv, X[:3], ax=axes).axes_, axes)
    figure, (left, right) = pyplot.subplots(1, 2)
    display = PointCloudDisplay.from_estimator(tinv, X[:3], ax=right)
    draw(display)
    assert display.figure_ is figure
    assert not right.axison
    assert left.axison
    assert min(ax.get_position().x0 for ax in display.axes_.flat) > left.get_position().x1


def test_keywords_of_scatter(tinv, X):
    display = PointCloudDisplay.from_estimator(tinv, X[:1], s=7, vmin=-9, vmax=9, cmap="cividis")
    for scatter in display.scatters_.flat:
        assert_array_equal(scatter.get_sizes(), 7)
        assert scatter.get_clim() == (-9, 9)
        assert scatter.get_cmap().name == "cividis"


def test_fitted_estimator_is_left_alone(tinv, X):
    before = {name: np.copy(value) for name, value in vars(tinv).items()}
    PointCloudDisplay.from_estimator(tinv, X[:2])
    for name, value in vars(tinv).items():
        assert_array_equal(value, before[name])


class NoFrames(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self


def refusals(X):
    tinv, after = TinvMDS().fit(X), TinvMDS().fit_transform(X)
    from_estimator, from_clouds = PointCloudDisplay.from_estimator, PointCloudDisplay.from_clouds
    distances = np.linalg.norm(X[:, :, None] - X[:, None], axis=-1)
    known = TinvMDS(3, metric="precomputed").fit(distances)
    return {
        "PCA has no canonical frames": lambda: from_estimator(PCA().fit(X[0]), X),
        "NoFrames has no canonical frames": lambda: from_estimator(NoFrames().fit(X), X),
        "output='features' gives no": lambda: from_estimator(TinvMDS(output="features").fit(X), X),
        "knows distances": lambda: from_estimator(known, distances),
        "fitted on a batch": lambda: from_estimator(tinv, X[0]),
        "chooses from a batch": lambda: from_estimator(TinvMDS().fit(X[0]), X[0], clouds=[0]),
        "from 0 to 12, got \\[13\\]": lambda: from_estimator(tinv, X, clouds=[13]),
        "from 0 to 12, got \\[\\]": lambda: from_estimator(tinv, X, clouds=[]),
        "from 0 to 12, got 3": lambda: from_estimator(tinv, X, clouds=3),
        "names must have an entry for each of 13": lambda: from_estimator(tinv, X, names="ab"),
        "color must have an entry": lambda: from_estimator(tinv, X, color=X[:2, :, 0]),
        "color has \\[39": lambda: from_estimator(tinv, X, color=X[:, :-1, 0]),
        "color must hold numbers": lambda: from_estimator(tinv, X, color=np.full((13, 40), "a")),
        "ax must be one Axes": lambda: from_estimator(tinv, X, ax=np.empty((2, 3), dtype=object)),
        "after must have an entry": lambda: from_clouds(X, after[:2]),
        "the same points": lambda: from_clouds(X, after[:, :-1]),
        "in before differ in dimension": lambda: from_clouds([X[0], X[1][:, :2]], after[:2]),
        "tied must have the shape": lambda: from_clouds(X, after, tied=np.ones((13, 2))),
        "before\\[1\\] contains NaN": lambda: from_clouds(
            np.where(X[1, 0, 0] == X, np.nan, X), after
        ),
        "no clouds": lambda: PointCloudDisplay(X[:0], after[:0]).plot(),
        "frames must have the shape": lambda: PointCloudDisplay(X, after, frames=X).plot(),
        "names has 1 names": lambda: PointCloudDisplay(X, after, names=["a"]).plot(),
    }


@pytest.mark.parametrize("message", refusals(make_shapes(13, n_points=40, random_state=0).X))
def test_refuses(message, X):
    with pytest.raises(ValueError, match=message):
        refusals(X)[message]()


def test_refuses_axes_of_another_kind(pyplot, tinv, X):
    with pytest.raises(ValueError, match="projection='3d'"):
        PointCloudDisplay.from_estimator(tinv, X[:1], ax=pyplot.subplots(2, 1, squeeze=False)[1])


def test_refuses_what_is_not_fitted(X):
    with pytest.raises(NotFittedError):
        PointCloudDisplay.from_estimator(TinvMDS(), X)


@pytest.mark.parametrize("method", ["from_estimator", "from_clouds"])
def test_missing_matplotlib_says_what_to_install(tinv, X, monkeypatch, method):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    first = {"from_estimator": tinv, "from_clouds": X}[method]
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[plot\]"'):
        getattr(PointCloudDisplay, method)(first, X)


def test_arrays_of_clouds_are_drawn_as_lists_are(rng):
    X = [rng.standard_normal((n, 2)) * [2, 1] for n in (8, 9)]
    array = np.empty(2, dtype=object)
    array[:] = X
    drawn = [PointCloudDisplay.from_estimator(TinvMDS().fit(Y), Y) for Y in (X, array)]
    for one, other in zip(*(each.scatters_.ravel() for each in drawn), strict=True):
        assert_array_equal(one.get_offsets(), other.get_offsets())
