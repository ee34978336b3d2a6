import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmanifold.mesh import MeshSample
from skmanifold.plotting import MeshFieldDisplay
from skmanifold.plotting._mesh_panels import drawn_mesh

mpl = pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
pytestmark = pytest.mark.usefixtures("pyplot")

PANELS = ("truth", "prediction", "error", "std")


def grid(n_columns=7, n_rows=5, size=(2.0, 1.0), *, quads=True):
    """Nodes and cells of a rectangle."""
    sides = [np.linspace(0, side, n) for side, n in zip(size, (n_columns, n_rows), strict=True)]
    points = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    nodes = np.arange(n_columns * n_rows).reshape(n_rows, n_columns)
    corners = nodes[:-1, :-1], nodes[:-1, 1:], nodes[1:, 1:], nodes[1:, :-1]
    cells = np.column_stack([corner.ravel() for corner in corners])
    return points, cells if quads else np.vstack([cells[:, :3], cells[:, [0, 2, 3]]])


def plate(*args, **kwargs):
    """A rectangle with a scalar and a vector field."""
    points, cells = grid(*args, **kwargs)
    fields = {"heat": points[:, 0] ** 2, "flow": np.column_stack([points[:, 1], points[:, 0]])}
    return MeshSample(points, cells, fields=fields)


def bent(**kwargs):
    """The same in space."""
    flat = plate(**kwargs)
    points = np.column_stack([flat.points, np.sin(flat.points[:, 0])])
    return MeshSample(points, flat.cells, fields=flat.fields)


def shifted(field):
    """A prediction that is not quite right, and its standard deviations."""
    return 1.1 * field - 0.05, 0.1 + np.abs(field)


class Fields(BaseEstimator):
    """Knows the fields, and predicts them shifted."""

    def fit(self, X, y=None):
        self.names_ = list(X[0].fields)
        return self

    def predict_fields(self, X, return_std=False):
        predicted = [{name: shifted(x.fields[name]) for name in self.names_} for x in X]
        means, deviations = (
            [{name: pair[i] for name, pair in each.items()} for each in predicted] for i in (0, 1)
        )
        return (means, deviations) if return_std else means


def draw(display):
    """Render, as saving would: layout errors come up only here."""
    display.figure_.canvas.draw()


def shown(display, name):
    """Values that are coloured."""
    return np.asarray(display.artists_[name].get_array())


def everything(sample, field, **kwargs):
    prediction, std = shifted(sample.fields[field])
    return MeshFieldDisplay.from_fields(
        sample, truth=sample.fields[field], prediction=prediction, std=std, name=field, **kwargs
    )


@pytest.mark.parametrize("make", [plate, bent], ids=["plane", "space"])
@pytest.mark.parametrize("quads", [True, False], ids=["quads", "triangles"])
@pytest.mark.parametrize(
    ("field", "component"), [("heat", "magnitude"), ("flow", "magnitude"), ("flow", 1)]
)
def test_draws_every_kind(make, quads, field, component):
    display = everything(make(quads=quads), field, component=component, edges=quads)
    assert display.panels_ == PANELS
    assert display.axes_.shape == (4,)
    assert display.ax_ is display.axes_[0]
    assert display.artists_.keys() == display.colorbars_.keys() == set(PANELS)
    assert {ax.name for ax in display.axes_} == {"3d" if make is bent else "rectilinear"}
    if component == 1:
        draw(display)


def test_values_are_those_of_the_nodes():
    sample = plate()
    heat = sample.fields["heat"]
    display = everything(sample, "heat")
    prediction, std = shifted(heat)
    for name, values in zip(PANELS, (heat, prediction, prediction - heat, std), strict=True):
        assert_allclose(shown(display, name), values)


def test_values_in_space_are_the_means_of_triangles():
    sample = bent(quads=False)
    display = everything(sample, "heat")
    assert_allclose(shown(display, "truth"), sample.fields["heat"][sample.cells].mean(axis=1))


def test_vectors_are_shown_by_their_length_and_their_error_by_that_of_the_difference():
    sample = plate()
    flow = sample.fields["flow"]
    prediction, std = shifted(flow)
    display = everything(sample, "flow")
    assert_allclose(shown(display, "truth"), np.linalg.norm(flow, axis=1))
    assert_allclose(shown(display, "error"), np.linalg.norm(prediction - flow, axis=1))
    assert_allclose(shown(display, "std"), np.linalg.norm(std, axis=1))
    assert display.artists_["error"].get_clim()[0] == 0


@pytest.mark.parametrize("component", [0, 1, np.int64(1)])
def test_one_component_of_vectors(component):
    sample = plate()
    flow = sample.fields["flow"]
    display = everything(sample, "flow", component=component)
    assert_allclose(shown(display, "truth"), flow[:, component])
    assert_allclose(shown(display, "error"), (shifted(flow)[0] - flow)[:, component])


def test_truth_and_prediction_share_a_scale_that_holds_both():
    display = everything(plate(), "heat")
    limits = display.artists_["truth"].get_clim()
    assert limits == display.artists_["prediction"].get_clim()
    both = np.concatenate([shown(display, "truth"), shown(display, "prediction")])
    assert limits == (both.min(), both.max())


def test_no_error_is_the_middle_of_its_scale_and_no_deviation_the_start():
    display = everything(plate(), "heat")
    low, high = display.artists_["error"].get_clim()
    assert low == -high
    assert high == np.abs(shown(display, "error")).max()
    assert display.artists_["std"].get_clim() == (0, shown(display, "std").max())
    white = display.artists_["error"].to_rgba(0.0)
    assert min(white[:3]) > 0.9


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
def test_fields_that_are_the_same_everywhere(value):
    sample = plate()
    field = np.full(sample.n_nodes, value)
    display = MeshFieldDisplay.from_fields(sample, truth=field, prediction=field, std=0 * field)
    for name in PANELS:
        low, high = display.artists_[name].get_clim()
        assert low < high
        assert low <= shown(display, name).min() <= shown(display, name).max() <= high
    draw(display)


@pytest.mark.parametrize(
    ("given", "panels"),
    [
        (["truth"], ("truth",)),
        (["prediction"], ("prediction",)),
        (["std"], ("std",)),
        (["truth", "prediction"], ("truth", "prediction", "error")),
        (["prediction", "std"], ("prediction", "std")),
        (["truth", "std"], ("truth", "std")),
    ],
)
def test_panels_without_content_are_left_out(given, panels):
    sample = plate()
    display = MeshFieldDisplay.from_fields(sample, **dict.fromkeys(given, sample.fields["heat"]))
    assert display.panels_ == panels
    assert len(display.axes_) == len(panels)
    draw(display)


@pytest.mark.parametrize(
    ("field", "component", "words"),
    [
        ("heat", "magnitude", ["heat (K)"] * 4),
        ("flow", "magnitude", ["|flow| (K)", "|flow| (K)", "|flow error| (K)", "|flow| (K)"]),
        ("flow", 1, ["flow[1] (K)"] * 4),
    ],
)
def test_labels_say_what_is_drawn_and_in_which_unit(field, component, words):
    display = everything(plate(), field, component=component, unit="K")
    axes = [display.colorbars_[name].ax for name in PANELS]
    assert [ax.get_xlabel() or ax.get_ylabel() for ax in axes] == words
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["truth", "prediction", "error", "standard deviation"]


@pytest.mark.parametrize(("unit", "label"), [("K", "(K)"), (None, "")])
def test_labels_without_a_name(unit, label):
    sample = plate()
    display = MeshFieldDisplay.from_fields(sample, truth=sample.fields["flow"], unit=unit)
    assert display.colorbars_["truth"].ax.get_xlabel() == label


def boxes(display):
    """What each panel and its colour bar take up, in pixels."""
    renderer = display.figure_.canvas.get_renderer()
    return [ax.get_tightbbox(renderer) for ax in display.axes_]


@pytest.mark.parametrize(
    ("make", "size", "scale"),
    [
        (plate, (1, 1), 1.0),
        (plate, (1, 2), 1e9),
        (plate, (4, 1), 1e-7),
        (plate, (0.5, 6), 1e-7),
        (plate, (8, 0.5), 1.0),
        (plate, (1e-4, 3e-4), 1.0),
        (plate, (5e5, 3e5), 1.0),
        (bent, (1, 2), 1e9),
        (bent, (5e5, 3e5), 1.0),
    ],
)
def test_nothing_overlaps_and_nothing_is_cut_off(make, size, scale):
    sample = make(size=size)
    heat = scale * (1 + sample.fields["heat"] / sample.fields["heat"].max())
    display = MeshFieldDisplay.from_fields(
        sample, truth=heat, prediction=1.1 * heat, std=heat, name="heat", unit="K"
    )
    draw(display)
    panels = boxes(display)
    renderer = display.figure_.canvas.get_renderer()
    for box, name in zip(panels, PANELS, strict=True):
        bar = display.colorbars_[name].ax.get_tightbbox(renderer)
        assert box.x0 <= bar.x0 < bar.x1 <= box.x1
        assert box.y0 <= bar.y0 < bar.y1 <= box.y1
    whole = display.figure_.bbox
    for i, box in enumerate(panels):
        assert box.x0 >= whole.x0 - 1
        assert box.y0 >= whole.y0 - 1
        assert box.x1 <= whole.x1 + 1
        assert box.y1 <= whole.y1 + 1
        for other in panels[:i]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            along = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert min(across, along) < 1
    width, height = display.figure_.get_size_inches()
    assert width <= 12
    assert height <= 18


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (5, 1)])
def test_the_mesh_is_not_distorted(size):
    display = everything(plate(size=size), "heat")
    draw(display)
    for ax in display.axes_:
        (x, y), (right, up) = ax.transData.transform([(0, 0), (1, 1)])
        assert_allclose(right - x, up - y, rtol=1e-6)


def test_all_panels_zoom_together():
    display = everything(plate(), "heat")
    display.axes_[2].set_xlim(0.5, 1.0)
    assert {ax.get_xlim() for ax in display.axes_} == {(0.5, 1.0)}


def test_the_outline_is_the_boundary():
    points, cells = grid(6, 4)
    mesh = drawn_mesh(points, cells)
    assert len(mesh.triangles) == 2 * len(cells)
    on_rim = np.any((points == points.min(axis=0)) | (points == points.max(axis=0)), axis=1)
    assert_array_equal(np.unique(mesh.outline), np.flatnonzero(on_rim))
    assert len(mesh.outline) == on_rim.sum()


def test_holes_stay_open():
    points, cells = grid(6, 6, (1, 1))
    hole = np.all(np.abs(points[cells].mean(axis=1) - 0.5) < 0.15, axis=1)
    sample = MeshSample(points, cells[~hole])
    display = MeshFieldDisplay.from_fields(sample, truth=points[:, 0], name="x", cmap="magma")
    display.figure_.set_layout_engine("none")
    draw(display)
    image = np.asarray(display.figure_.canvas.buffer_rgba())[::-1]
    column, row = display.ax_.transData.transform((0.5, 0.5)).astype(int)
    assert_array_equal(image[row, column, :3], 255)
    column, row = display.ax_.transData.transform((0.3, 0.5)).astype(int)
    assert image[row, column, :3].min() < 200
    # Around the square, and around the cell that is missing.
    assert len(drawn_mesh(points, cells[~hole]).outline) == 20 + 4


def test_given_axes(pyplot):
    figure, axes = pyplot.subplots(2, 2)
    display = everything(plate(), "heat", ax=axes)
    assert_array_equal(display.axes_, axes.ravel())
    assert display.figure_ is figure
    draw(display)


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("make", [plate, bent], ids=["plane", "space"])
def test_one_axes_of_a_grid_is_divided_up(make, layout, pyplot):
    figure, (left, right) = pyplot.subplots(1, 2, layout=layout)
    display = everything(make(), "heat", ax=right)
    assert display.figure_ is figure
    assert len(display.axes_) == 4
    assert left not in list(display.axes_)
    draw(display)
    assert all(ax.get_position().x0 > left.get_position().x1 for ax in display.axes_)


def test_one_axes_is_enough_for_one_panel(pyplot):
    _, ax = pyplot.subplots()
    sample = plate()
    display = MeshFieldDisplay.from_fields(sample, truth=sample.fields["heat"], ax=ax)
    assert list(display.axes_) == [ax]


def test_axes_that_do_not_fit(pyplot):
    _, axes = pyplot.subplots(3)
    with pytest.raises(ValueError, match="one for each of 4 panels; got 3"):
        everything(plate(), "heat", ax=axes)
    _, axes = pyplot.subplots(4)
    with pytest.raises(ValueError, match="must have projection='3d' where the mesh lies in space"):
        everything(bent(), "heat", ax=axes)


def test_colour_maps_and_further_settings_reach_matplotlib():
    display = everything(plate(), "heat", cmap="magma", shading="flat")
    assert display.artists_["truth"].get_cmap().name == "magma"
    assert display.artists_["error"].get_cmap().name != "magma"
    assert len(shown(display, "truth")) == 2 * len(plate().cells)


@pytest.mark.parametrize("make", [plate, bent], ids=["plane", "space"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "pipeline"])
@pytest.mark.parametrize("field", ["heat", "flow"])
def test_from_estimator_draws_what_it_predicts(make, wrapped, field):
    sample = make()
    model = make_pipeline(FunctionTransformer(), Fields()) if wrapped else Fields()
    display = MeshFieldDisplay.from_estimator(model.fit([sample] * 3), sample, field=field)
    expected = everything(sample, field)
    assert display.panels_ == PANELS
    for name in PANELS:
        assert_array_equal(shown(display, name), shown(expected, name))
        found, wanted = (each.colorbars_[name].ax for each in (display, expected))
        assert found.get_xlabel() == wanted.get_xlabel()


def test_from_estimator_without_deviations_and_with_a_truth_of_its_own():
    sample = plate()
    model = Fields().fit([sample])
    display = MeshFieldDisplay.from_estimator(
        model, sample, field="heat", truth=2 * sample.fields["heat"], return_std=False
    )
    assert display.panels_ == ("truth", "prediction", "error")
    assert_array_equal(shown(display, "truth"), 2 * sample.fields["heat"])


def test_from_estimator_on_a_mesh_without_a_truth():
    class Constant(Fields):
        def predict_fields(self, X, return_std=False):
            fields = [{"heat": np.arange(float(x.n_nodes))} for x in X]
            return (fields, fields) if return_std else fields

    sample = MeshSample(*grid())
    display = MeshFieldDisplay.from_estimator(Constant().fit([sample]), sample)
    assert display.panels_ == ("prediction", "std")


def test_from_estimator_refuses():
    sample = plate()
    with pytest.raises(NotFittedError):
        MeshFieldDisplay.from_estimator(Fields(), sample, field="heat")
    model = Fields().fit([sample])
    for field in (None, "cold"):
        with pytest.raises(ValueError, match=rf"field must be one of .*'heat'.* got {field!r}"):
            MeshFieldDisplay.from_estimator(model, sample, field=field)
    with pytest.raises(ValueError, match=r"X must be one MeshSample, got list: .* X\[0\]"):
        MeshFieldDisplay.from_estimator(model, [sample], field="heat")
    other = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="LinearRegression predicts no fields"):
        MeshFieldDisplay.from_estimator(other, sample, field="heat")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing to draw: pass truth, prediction or std"),
        ({"truth": np.ones(34)}, r"truth must have the shape \(35,\) or \(35, k\), .* got \(34,\)"),
        ({"std": np.ones((35, 2, 2))}, r"std must have the shape|Found array with dim 3"),
        (
            {"truth": np.ones(35), "prediction": np.ones((35, 2))},
            r"prediction must have the shape of truth, \(35,\), got \(35, 2\)",
        ),
        ({"prediction": np.full(35, np.nan)}, "prediction contains NaN"),
        ({"std": -np.ones(35)}, "std must not be negative, got -1"),
    ],
)
def test_fields_that_do_not_fit(fields, message):
    with pytest.raises(ValueError, match=message):
        MeshFieldDisplay.from_fields(plate(), **fields)


@pytest.mark.parametrize("component", [2, -1, 0.5, "length"])
def test_components_that_are_not_there(component):
    with pytest.raises(ValueError, match="component must be 'magnitude' or an integer from 0 to 1"):
        everything(plate(), "flow", component=component)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"MeshFieldDisplay.plot draws .*skmanifold\[plot\]"):
        everything(plate(), "heat")


def test_nothing_of_the_caller_is_changed():
    sample = plate()
    before = pickle.dumps(sample)
    prediction, std = shifted(sample.fields["heat"])
    copies = prediction.copy(), std.copy()
    MeshFieldDisplay.from_fields(sample, prediction=prediction, std=std)
    assert pickle.dumps(sample) == before
    assert_array_equal(prediction, copies[0])
    assert_array_equal(std, copies[1])
