import sys
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold import LokiPredictor
from skmanifold.label_space import as_label_space
from skmanifold.plotting import LabelSpaceDisplay, _label_layout

mpl = pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
pytestmark = pytest.mark.usefixtures("pyplot")

TAXONOMY = {
    "cat": "feline",
    "lion": "feline",
    "feline": "mammal",
    "cow": "mammal",
    "carp": "fish",
    "cod": "fish",
    "mammal": "animal",
    "fish": "animal",
}
NAMES = [*TAXONOMY, "animal"]
BLUE, SKY, VERMILION = "#0072B2", "#56B4E9", "#D55E00"


@pytest.fixture
def grades(rng):
    y = rng.integers(0, 9, 300)
    X = y[:, None] + rng.normal(size=(300, 2))
    return X[y % 3 == 0], y[y % 3 == 0]


def draw(display):
    """Render, as saving would: layout errors come up only here."""
    display.figure_.canvas.draw()


def marked(display, color):
    """Labels with marks (or rings) of a colour."""
    wanted = mpl.colors.to_rgba(color)
    labels = []
    for points in display.ax_.collections:
        if not hasattr(points, "get_offsets") or points is display.lines_:
            continue
        colors = (
            points.get_facecolors() if len(points.get_facecolors()) else points.get_edgecolors()
        )
        if len(colors) and np.allclose(colors[0], wanted):
            for at in np.asarray(points.get_offsets()):
                node = display.nodes_[np.abs(display.positions_ - at).sum(axis=1).argmin()]
                labels.append(display.label_space.names[node].item())
    return sorted(labels)


def names_drawn(display):
    return [text.get_text() for text in display.texts_]


def legend(display):
    return [text.get_text().split(" (")[0] for text in display.legend_.get_texts()]


EVERY_KIND = {
    "list": (TAXONOMY, "all"),
    "circle": ({f"n{i}": f"n{i // 2}" for i in range(1, 90)}, "all"),
    "line": ("ordinal", np.arange(9)),
    "grid": ("grid", (3, 4)),
    "plane": ({name: np.array([i, -i * i / 3]) for i, name in enumerate(NAMES)}, "all"),
    "scaled": (1 - np.eye(9), NAMES),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_draws_every_kind(kind):
    metric, labels = EVERY_KIND[kind]
    space = as_label_space(metric, labels)
    seen, predicted = space.labels[[0, 4]], space.labels[[0, 0, 1, 5]]
    display = LabelSpaceDisplay.from_label_metric(metric, labels, seen=seen, predicted=predicted)
    draw(display)
    assert display.figure_ is display.ax_.figure
    assert_array_equal(np.sort(display.nodes_), np.arange(len(space.names)))
    assert (display.lines_ is not None) == (kind in ("list", "circle"))
    assert marked(display, BLUE) == sorted(seen.tolist())
    assert marked(display, VERMILION) == sorted(set(predicted.tolist()))


def test_marks_tell_seen_from_reachable():
    display = LabelSpaceDisplay.from_label_metric(TAXONOMY, seen=["cat", "carp", "cat"])
    assert marked(display, BLUE) == ["carp", "cat"]
    assert marked(display, SKY) == ["animal", "feline", "fish", "mammal"]
    assert legend(display) == ["seen", "unseen, can be predicted", "unseen, out of reach"]


def test_legend_names_only_what_is_drawn():
    assert legend(LabelSpaceDisplay.from_label_metric(TAXONOMY)) == ["label"]
    space = as_label_space(TAXONOMY)
    assert legend(LabelSpaceDisplay(space, seen=["cat"]).plot()) == ["seen", "label"]
    everything = LabelSpaceDisplay.from_label_metric(TAXONOMY, seen=NAMES, predicted=["cat"])
    assert legend(everything) == ["seen", "predicted"]


def test_rings_grow_with_the_number_of_samples():
    predicted = ["cat"] * 9 + ["carp"] * 3 + ["animal"]
    display = LabelSpaceDisplay.from_label_metric(TAXONOMY, predicted=predicted)
    sizes = display.ax_.collections[-1].get_sizes()
    assert len(sizes) == 3
    by_count = np.sort(sizes)
    assert_allclose((by_count[2] - by_count[0]) / (by_count[1] - by_count[0]), 8 / 2)


def test_lines_between_seen_classes_are_darker():
    display = LabelSpaceDisplay.from_label_metric(TAXONOMY, seen=["cat", "cow"])
    dark = display.lines_.get_colors()[:, 0] < 0.6
    assert dark.sum() == 3  # feline-cat, mammal-feline, mammal-cow
    assert np.all(np.diff(dark.astype(int)) >= 0)  # drawn last


def test_small_trees_show_every_name_in_its_row():
    display = LabelSpaceDisplay.from_label_metric(TAXONOMY, seen=["cat", "cow"])
    draw(display)
    assert sorted(names_drawn(display)) == sorted(NAMES)
    window = display.ax_.get_window_extent()
    boxes = [text.get_window_extent() for text in display.texts_]
    assert all(box.x1 <= window.x1 + 1 for box in boxes)
    for upper, lower in pairwise(boxes):
        assert lower.y1 <= upper.y0


def test_long_names_make_room_for_themselves():
    name = "a species with a name longer than the edge that leads to it"
    display = LabelSpaceDisplay.from_label_metric({name: "genus", "short": "genus"})
    draw(display)
    ends = [text.get_window_extent().x1 for text in display.texts_]
    assert max(ends) <= display.ax_.get_window_extent().x1 + 1


def test_nodes_that_are_no_labels_are_muted():
    display = LabelSpaceDisplay.from_label_metric(TAXONOMY, "leaves", seen=["cat"])
    muted = {text.get_text() for text in display.texts_ if text.get_color() == "#808080"}
    assert muted == {"feline", "mammal", "fish", "animal"}
    newick = LabelSpaceDisplay.from_label_metric("((a,b),c);")
    assert sorted(names_drawn(newick)) == ["a", "b", "c"]


def test_of_many_labels_those_in_use_are_named():
    parents = {f"n{i}": f"n{i // 2}" for i in range(1, 400)}
    display = LabelSpaceDisplay.from_label_metric(parents, seen=["n399", "n200"], predicted=["n7"])
    assert set(names_drawn(display)) == {"n399", "n200", "n7"}
    crowd = LabelSpaceDisplay.from_label_metric(parents, seen=[f"n{i}" for i in range(150)])
    assert names_drawn(crowd) == []


def test_numbers_on_a_line_are_named_by_the_ticks():
    assert LabelSpaceDisplay.from_label_metric("ordinal", [1, 2, 5]).texts_ == []
    grades = LabelSpaceDisplay.from_label_metric("ordinal", ["low", "middle", "high"])
    assert sorted(names_drawn(grades)) == ["high", "low", "middle"]


def test_the_first_row_of_a_grid_is_on_top():
    display = LabelSpaceDisplay.from_label_metric("grid", (4, 6), seen=[0])
    display.plot(display.ax_)  # again, on the same axes
    draw(display)
    pixels = display.ax_.transData.transform(display.positions_)
    assert pixels[0, 1] > pixels[23, 1]
    assert pixels[0, 0] < pixels[23, 0]
    steps = np.abs(pixels[[1, 6]] - pixels[0]).max(axis=1)
    assert_allclose(steps[0], steps[1], rtol=1e-6)


def test_title_says_what_is_left_out(monkeypatch):
    assert LabelSpaceDisplay.from_label_metric(TAXONOMY).ax_.get_title() == ""
    monkeypatch.setattr(_label_layout, "MAX_WHOLE_TREE", 5)
    display = LabelSpaceDisplay.from_label_metric(TAXONOMY, seen=["cat", "cow"])
    assert display.ax_.get_title().startswith("4 of 9 nodes")
    assert sorted(names_drawn(display)) == ["cat", "cow", "feline", "mammal"]


@pytest.mark.parametrize("kind", ["list", "circle", "grid", "scaled"])
def test_legend_stays_off_the_data(kind):
    metric, labels = EVERY_KIND[kind]
    display = LabelSpaceDisplay.from_label_metric(metric, labels, predicted=None)
    draw(display)
    box = display.legend_.get_window_extent()
    assert box.x0 >= display.ax_.get_window_extent().x1
    assert box.x1 <= display.figure_.bbox.x1


def test_given_axes_are_drawn_on(pyplot):
    figure, axes = pyplot.subplots(1, 2, layout="constrained")
    for ax, (metric, labels) in zip(axes, [EVERY_KIND["list"], EVERY_KIND["grid"]], strict=True):
        display = LabelSpaceDisplay.from_label_metric(metric, labels, ax=ax)
        assert display.ax_ is ax
        assert display.figure_ is figure
    draw(display)


def test_estimator_shows_what_it_knows(grades):
    X, y = grades
    model = LokiPredictor(label_metric="ordinal", random_state=0).fit(X, y)
    display = LabelSpaceDisplay.from_estimator(model, X)
    draw(display)
    assert marked(display, BLUE) == [0, 3, 6]
    assert marked(display, SKY) == sorted(set(model.locus_.tolist()) - {0, 3, 6})
    assert marked(display, VERMILION) == sorted(set(model.predict(X).tolist()))
    assert marked(LabelSpaceDisplay.from_estimator(model), VERMILION) == []


def test_pipelines_and_searches_are_looked_into(grades):
    X, y = grades
    loki = LokiPredictor(label_metric="ordinal", random_state=0)
    pipeline = make_pipeline(StandardScaler(), loki).fit(X, y)
    display = LabelSpaceDisplay.from_estimator(pipeline, X)
    assert marked(display, VERMILION) == sorted(set(pipeline.predict(X).tolist()))
    search = GridSearchCV(pipeline, {"lokipredictor__power": [1.0, 2.0]}, cv=2).fit(X, y)
    display = LabelSpaceDisplay.from_estimator(search, X)
    assert marked(display, VERMILION) == sorted(set(search.predict(X).tolist()))


def test_estimators_without_a_label_space(grades):
    X, y = grades
    with pytest.raises(NotFittedError):
        LabelSpaceDisplay.from_estimator(LokiPredictor(label_metric="ordinal"))
    for model in (LokiPredictor(), LogisticRegression()):
        with pytest.raises(ValueError, match=f"{type(model).__name__} has no label space to draw"):
            LabelSpaceDisplay.from_estimator(model.fit(X, y))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seen": ["dog"]}, "seen holds labels .* not know: 'dog'"),
        ({"predicted": ["dog"]}, "predicted holds labels .* not know: 'dog'"),
        ({"seen": ["cat", 1]}, "seen mixes types"),
        ({"label_metric": "tree"}, "label_metric must be 'ordinal'"),
    ],
)
def test_bad_input_is_named(pyplot, options, message):
    with pytest.raises(ValueError, match=message):
        LabelSpaceDisplay.from_label_metric(**{"label_metric": TAXONOMY} | options)
    assert pyplot.get_fignums() == []


def test_ordinal_labels_come_from_what_is_given():
    display = LabelSpaceDisplay.from_label_metric("ordinal", seen=[2, 4], predicted=[7])
    assert_array_equal(display.label_space.labels, np.arange(2, 8))


@pytest.mark.parametrize("method", ["from_label_metric", "from_estimator"])
def test_missing_matplotlib_says_what_to_install(monkeypatch, method):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[plot\]"'):
        getattr(LabelSpaceDisplay, method)(TAXONOMY)
