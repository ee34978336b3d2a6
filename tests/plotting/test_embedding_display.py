import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import MDS, Isomap, SpectralEmbedding
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from skmanifold.plotting import EmbeddingDisplay

pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
pytestmark = pytest.mark.usefixtures("pyplot")


@pytest.fixture
def X():
    return np.random.RandomState(0).standard_normal((60, 5))


def drawn(display):
    """Rows that the scatter plot shows, sorted."""
    return np.unique(display.scatter_.get_offsets(), axis=0)


def color_drawn(display):
    """Numbers behind the colours, in drawing order, NaN where there is none."""
    return np.ma.filled(np.ma.masked_invalid(display.scatter_.get_array()), np.nan)


def draw(display):
    """Render, as saving would: layout errors come up only here."""
    display.figure_.canvas.draw()


@pytest.mark.parametrize("n_components", [1, 2, 3])
@pytest.mark.parametrize("color", [None, "numbers", "classes"])
def test_draws_every_kind(X, n_components, color):
    colors = {"numbers": X[:, 4], "classes": np.where(X[:, 4] > 0, "up", "down")}.get(color)
    display = EmbeddingDisplay.from_embedding(X[:, :n_components], color=colors)
    draw(display)
    assert (display.ax_.name == "3d") == (n_components == 3)
    assert (display.colorbar_ is not None) == (color == "numbers")
    assert (display.legend_ is not None) == (color == "classes")
    assert display.figure_ is display.ax_.figure


def test_shows_exactly_the_points(X):
    display = EmbeddingDisplay.from_embedding(X[:, :2])
    assert_array_equal(drawn(display), np.unique(X[:, :2], axis=0))


def test_one_component_lies_along_the_axis(X):
    display = EmbeddingDisplay.from_embedding(X[:, :1])
    along, across = display.scatter_.get_offsets().T
    assert_array_equal(np.sort(along), np.sort(X[:, 0]))
    assert np.abs(across).max() <= 1
    assert len(display.ax_.get_yticks()) == 0


def test_one_component_is_as_wide_as_dense():
    points = np.concatenate([np.linspace(0, 1, 5000), np.linspace(9, 10, 50)])[:, None]
    along, across = EmbeddingDisplay.from_embedding(points).scatter_.get_offsets().T
    assert np.ptp(across[along < 2]) > 10 * np.ptp(across[along > 8])


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_colours_stay_with_their_points(X, kind):
    color = X[:, 0] if kind == "numbers" else np.where(X[:, 0] > 0, "right", "left")
    display = EmbeddingDisplay.from_embedding(X[:, :2], color=color)
    draw(display)
    x = np.asarray(display.scatter_.get_offsets())[:, 0]
    if kind == "numbers":
        assert_array_equal(display.scatter_.get_array(), x)
    else:
        left, right = (handle.get_color() for handle in display.legend_.legend_handles)
        expected = np.where((x > 0)[:, None], right, left)
        assert_allclose(display.scatter_.get_facecolors(), expected)


def test_equal_scales(X):
    display = EmbeddingDisplay.from_embedding(X[:, :2] * [1, 100])
    draw(display)
    box, (x0, x1), (y0, y1) = (
        display.ax_.get_window_extent(),
        display.ax_.get_xlim(),
        display.ax_.get_ylim(),
    )
    assert_allclose((x1 - x0) / box.width, (y1 - y0) / box.height, rtol=1e-6)


def test_shared_axes_can_be_drawn_on(X, pyplot):
    _, axes = pyplot.subplots(1, 2, sharex=True, sharey=True)
    for ax in axes:
        display = EmbeddingDisplay.from_embedding(X[:, :2], ax=ax)
        assert display.ax_ is ax
    draw(display)


def test_many_points_shrink_and_rasterize():
    few, many = (
        EmbeddingDisplay.from_embedding(np.random.RandomState(0).rand(n, 2)).scatter_
        for n in (100, 20_000)
    )
    assert many.get_sizes()[0] < few.get_sizes()[0]
    assert (few.get_rasterized(), many.get_rasterized()) == (False, True)


def test_no_class_hides_the_others():
    """Points that come sorted by class are not drawn class by class."""
    labels = np.repeat(["a", "b"], 500)
    display = EmbeddingDisplay.from_embedding(np.zeros((1000, 2)), color=labels)
    last = display.scatter_.get_facecolors()[-100:]
    assert len(np.unique(last, axis=0)) == 2


def test_scatter_arguments_win(X):
    display = EmbeddingDisplay.from_embedding(X[:, :2], s=99, alpha=0.5, marker="s")
    assert display.scatter_.get_sizes()[0] == 99
    assert display.scatter_.get_alpha() == 0.5


def test_missing_numbers_are_drawn(X):
    color = np.where(X[:, 0] > 0, X[:, 0], np.nan)
    display = EmbeddingDisplay.from_embedding(X[:, :2], color=color, cmap="magma")
    draw(display)
    assert np.ma.count_masked(display.scatter_.get_offsets()) == 0
    red, green, blue, alpha = display.scatter_.get_facecolors()[np.isnan(color_drawn(display))].T
    assert len(red) == (X[:, 0] <= 0).sum()
    assert_array_equal([red, green], [green, blue])
    assert np.all(alpha > 0)


def test_long_legend_is_left_out(X):
    shown, hidden = (
        EmbeddingDisplay.from_embedding(X[:, :2], color=(np.arange(60) % n).astype(str))
        for n in (40, 41)
    )
    draw(shown)
    assert len(shown.legend_.legend_handles) == 40
    assert hidden.legend_ is None


@pytest.mark.parametrize("n_components", [2, 3])
def test_legend_stays_within_the_figure(X, n_components):
    names = np.array(["a rather long name of a cell type", "b"])[(X[:, 0] > 0).astype(int)]
    display = EmbeddingDisplay.from_embedding(X[:, :n_components], color=names)
    draw(display)
    for text in display.legend_.get_texts():
        assert text.get_window_extent().x1 <= display.figure_.bbox.x1


def test_key_takes_its_title_from_the_series(X):
    species = pd.Series(np.where(X[:, 0] > 0, "right", "left"), name="side")
    named = EmbeddingDisplay.from_embedding(X[:, :2], color=species)
    assert named.legend_.get_title().get_text() == "side"
    renamed = EmbeddingDisplay.from_embedding(X[:, :2], color=species, color_label="half")
    assert renamed.legend_.get_title().get_text() == "half"
    numeric = EmbeddingDisplay.from_embedding(X[:, :2], color=X[:, 0], color_label="x")
    assert numeric.colorbar_.ax.get_ylabel() == "x"


def test_components_are_chosen(X):
    display = EmbeddingDisplay.from_embedding(X)
    assert_array_equal(drawn(display), np.unique(X[:, :2], axis=0))
    display = display.plot(components=[4, 1])
    assert_array_equal(drawn(display), np.unique(X[:, [4, 1]], axis=0))
    assert display.ax_.get_xlabel() == "component 5"


def test_estimator_transforms_new_points(X):
    pca = PCA(2).fit(X)
    display = EmbeddingDisplay.from_estimator(pca, X[:10], y=X[:10, 0])
    assert_array_equal(drawn(display), np.unique(pca.transform(X[:10]), axis=0))
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("PCA 1", "PCA 2")


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_data_frames_in_and_out(X, container):
    library = pytest.importorskip(container)
    frame = library.DataFrame({f"gene {i}": column for i, column in enumerate(X.T)})
    pca = PCA(2).set_output(transform=container).fit(frame)
    display = EmbeddingDisplay.from_estimator(pca, frame, y=library.Series(["a", "b"] * 30))
    assert_allclose(drawn(display), np.unique(pca.transform(frame).to_numpy(), axis=0))
    assert display.legend_ is not None


def test_estimator_shows_the_stored_embedding(X):
    spectral = SpectralEmbedding(2, n_neighbors=10).fit(X)
    display = EmbeddingDisplay.from_estimator(spectral)
    assert_array_equal(drawn(display), np.unique(spectral.embedding_, axis=0))
    assert display.ax_.get_xlabel() == "Spectral 1"


def test_pipelines_and_searches_are_looked_into(X):
    pipeline = make_pipeline(StandardScaler(), Isomap(n_components=2)).fit(X)
    display = EmbeddingDisplay.from_estimator(pipeline)
    assert_array_equal(drawn(display), np.unique(pipeline[-1].embedding_, axis=0))
    assert display.ax_.get_xlabel() == "Isomap 1"

    search = GridSearchCV(make_pipeline(StandardScaler(), PCA()), {"pca__n_components": [2]})
    display = EmbeddingDisplay.from_estimator(search.fit(X), X)
    assert_array_equal(drawn(display), np.unique(search.transform(X), axis=0))
    assert display.ax_.get_ylabel() == "PCA 2"


def test_names_that_an_estimator_gives_are_kept(X):
    frame = pd.DataFrame(X[:, :2], columns=["height", "weight"])
    display = EmbeddingDisplay.from_estimator(StandardScaler().fit(frame), frame)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("height", "weight")


def test_name_that_is_all_embedding():
    class Embedding(BaseEstimator):
        def fit(self, X, y=None):
            self.embedding_ = X
            return self

    display = EmbeddingDisplay.from_estimator(Embedding().fit(np.eye(3)[:, :2]))
    assert display.ax_.get_xlabel() == "Embedding 1"


def test_estimators_that_cannot(X):
    with pytest.raises(NotFittedError):
        EmbeddingDisplay.from_estimator(PCA(), X)
    with pytest.raises(ValueError, match="PCA keeps no embedding_: pass"):
        EmbeddingDisplay.from_estimator(PCA().fit(X))
    mds = MDS(n_init=1, max_iter=2, init="random").fit(X)
    with pytest.raises(ValueError, match="MDS has no transform: leave X out"):
        EmbeddingDisplay.from_estimator(mds, X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": [0, 1]}, "color has 2 values for 60 embedded points"),
        ({"color": np.ones((60, 2))}, "1d array"),
        ({"axis_labels": ["x"]}, "axis_labels has 1 names, but the embedding has 5"),
        ({"components": [0, 5]}, "components must name one to three columns between 0 and 4"),
        ({"components": []}, "components must name"),
        ({"components": [0, 1, 2, 3]}, "components must name"),
    ],
)
def test_bad_input_is_named(X, options, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay.from_embedding(X, **options)


def test_bad_embeddings_are_named(X):
    with pytest.raises(ValueError, match="embedding contains NaN"):
        EmbeddingDisplay.from_embedding(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="2D array"):
        EmbeddingDisplay.from_embedding(X[:, 0])


def test_axes_must_fit(X, pyplot):
    flat, solid = pyplot.figure().subplots(), pyplot.figure().add_subplot(projection="3d")
    with pytest.raises(ValueError, match="not three-dimensional, but 3 components"):
        EmbeddingDisplay.from_embedding(X[:, :3], ax=flat)
    with pytest.raises(ValueError, match="is three-dimensional, but 2 components"):
        EmbeddingDisplay.from_embedding(X[:, :2], ax=solid)


def test_a_refused_plot_leaves_no_figure(X, pyplot):
    with pytest.raises(ValueError, match="color has"):
        EmbeddingDisplay.from_embedding(X, color=[1])
    assert pyplot.get_fignums() == []


def test_global_random_state_stays(X):
    state = check_random_state(None).get_state()[1].copy()
    EmbeddingDisplay.from_embedding(X[:, :1], color=X[:, 0])
    assert_array_equal(check_random_state(None).get_state()[1], state)


@pytest.mark.parametrize("method", ["from_embedding", "from_estimator"])
def test_missing_matplotlib_says_what_to_install(X, monkeypatch, method):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    subject = {"from_embedding": X, "from_estimator": PCA().fit(X)}[method]
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[plot\]"'):
        getattr(EmbeddingDisplay, method)(subject)


def test_import_alone_does_not_load_matplotlib():
    code = "import sys, skmanifold.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
