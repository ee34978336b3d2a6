import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold import RVGP
from skmanifold.datasets import make_vector_field
from skmanifold.graph import furthest_point_sampling
from skmanifold.plotting import VectorFieldDisplay
from skmanifold.plotting._field_views import field_view, is_sphere, principal_axes

mpl = pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
proj_transform = pytest.importorskip("mpl_toolkits.mplot3d.proj3d").proj_transform
pytestmark = pytest.mark.usefixtures("pyplot")

SURFACES = ["sphere", "torus", "swiss_roll", "moebius"]
MAPS = ["mollweide", "hammer", "aitoff", "lambert"]


@pytest.fixture(scope="module")
def globe():
    return make_vector_field("sphere", 300, random_state=0)


@pytest.fixture(scope="module")
def torus():
    return make_vector_field("torus", 900, random_state=0)


@pytest.fixture(scope="module")
def rvgp(globe):
    settings = {"n_eigenpairs": 20, "n_neighbors": 10, "n_frame_neighbors": 10}
    rvgp = RVGP(**settings, local_kernel="rbf", random_state=0)
    return rvgp.fit(globe.X[:80], globe.vectors[:80])


def draw(display):
    """Render, as saving would: layout errors come up only here."""
    display.figure_.canvas.draw()


def opacities(artist):
    """Of each arrow or mark, in drawing order."""
    return np.broadcast_to(artist.get_alpha(), len(artist.get_offsets()))


def lengths(collection):
    """Lengths of horizontal arrows in pixels, of a quiver or its key."""
    scale = collection.get_transform().get_matrix()[0, 0]
    return np.array([scale * np.ptp(path.vertices[:, 0]) for path in collection.get_paths()])


def sorted_rows(array):
    return np.unique(np.round(array, 9), axis=0)


def ball(rng, n):
    """Points in a ball, of every radius."""
    points = rng.normal(size=(n, 3))
    return points * rng.uniform(size=(n, 1)) / np.linalg.norm(points, axis=1, keepdims=True)


def ring(n, height=0.0):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle), np.full(n, height)])


@pytest.mark.parametrize("projection", ["auto", "3d", "pca", "sphere", (2, 0)])
@pytest.mark.parametrize("manifold", SURFACES)
def test_draws_every_kind(manifold, projection):
    field = make_vector_field(manifold, 120, random_state=0)
    display = VectorFieldDisplay.from_field(
        field.X,
        field.vectors,
        std=np.abs(field.X[:, 0]),
        labels=field.X[:9],
        singularities=(field.X[:3], [1, -1, 1]),
        projection=projection,
    )
    draw(display)
    assert display.ax_.figure is display.figure_
    assert len(display.quiver_.get_offsets()) == len(display.scatter_.get_offsets()) == 120
    assert len(display.label_scatter_.get_offsets()) == 9
    words = [text.get_text() for text in display.legend_.get_texts()]
    assert words == ["labelled points", "index +1", "index \N{MINUS SIGN}1"]
    assert [len(rings.get_offsets()) for rings in display.singularity_scatters_] == [2, 1]


@pytest.mark.parametrize(
    ("manifold", "name"),
    [("sphere", "mollweide"), ("torus", "3d"), ("swiss_roll", "3d"), ("moebius", "3d")],
)
def test_auto_knows_spheres(manifold, name):
    field = make_vector_field(manifold, 300, random_state=1)
    display = VectorFieldDisplay.from_field(field.X, field.vectors)
    assert display.ax_.name == name


@pytest.mark.parametrize(("n_dims", "name"), [(2, "rectilinear"), (4, "3d"), (30, "3d")])
def test_auto_in_other_dimensions(rng, n_dims, name):
    X, vectors = rng.normal(size=(2, 40, n_dims))
    display = VectorFieldDisplay.from_field(X, vectors)
    draw(display)
    assert display.ax_.name == name


def test_spheres_wherever_they_are(rng, globe):
    rays = globe.X * rng.uniform(0.97, 1.03, size=(300, 1))
    assert is_sphere(rays)
    assert is_sphere(50 * rays + [1e3, -20, 3])


def test_what_is_no_sphere(rng, globe):
    cap = globe.X[globe.X[:, 2] > 0.2]
    two_rings = np.vstack([ring(30, -0.01), ring(30, 0.01)])
    for points in (cap, ball(rng, 300), ring(50), two_rings, globe.X[:, :2], globe.X[:1]):
        assert not is_sphere(points)


def test_sphere_view_is_longitude_latitude_east_and_north(globe):
    center, radius = np.array([5.0, -3.0, 40.0]), 7.0
    X = center + radius * globe.X
    view = field_view("sphere", X)
    assert_allclose(view.center, center)
    longitude, latitude = view.place(X).T
    assert_allclose(np.column_stack([longitude, latitude]), globe.latent, atol=1e-9)
    components = view.turn(X, globe.vectors)
    assert_allclose(np.einsum("ndm,nm->nd", globe.frames, components), globe.vectors, atol=1e-9)


@pytest.mark.parametrize("shape", [(40, 3), (40, 7), (2, 3), (2, 9), (1, 3)])
def test_principal_axes(rng, shape):
    X = rng.normal(size=shape) * 2.0 ** -np.arange(shape[1])
    axes = principal_axes(X)
    assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    if shape[1] == 3:
        assert_allclose(np.linalg.det(axes), 1)
    if shape[0] == 40:
        covariance = axes.T @ np.cov(X.T) @ axes
        assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
        assert np.all(np.diff(np.diag(covariance)) < 0)


def test_pca_does_not_depend_on_the_pose(rng, torus):
    """Turned about and moved in space of any dimension, it is the same picture up to its signs."""
    basis = np.linalg.qr(rng.normal(size=(8, 3)))[0]
    X = torus.X * [3, 2, 1]
    displays = [
        VectorFieldDisplay.from_field(*field, projection="pca")
        for field in [(X, torus.vectors), (X @ basis.T + 4, torus.vectors @ basis.T)]
    ]
    arrows = [np.abs(field_arrows(display)) for display in displays]
    assert_allclose(*map(sorted_rows, arrows), atol=1e-6)


def field_arrows(display):
    """Positions and components of the arrows, (n, 4)."""
    quiver = display.quiver_
    return np.column_stack([np.asarray(quiver.get_offsets()), quiver.U, quiver.V])


@pytest.mark.parametrize("columns", [(0, 1), (2, 0), np.array([1, 2])])
def test_columns_are_drawn_as_they_are(torus, columns):
    display = VectorFieldDisplay.from_field(torus.X, torus.vectors, projection=columns)
    rows, columns = display.arrow_indices_, list(columns)
    expected = np.column_stack([torus.X[rows][:, columns], torus.vectors[rows][:, columns]])
    assert_allclose(sorted_rows(field_arrows(display)), sorted_rows(expected), atol=1e-9)
    assert display.ax_.get_xlabel() == f"column {columns[0]}"
    assert display.ax_.get_ylabel() == f"column {columns[1]}"


def test_arrows_are_spread_evenly(torus):
    display = VectorFieldDisplay.from_field(torus.X, torus.vectors, n_arrows=50)
    assert_array_equal(
        display.arrow_indices_,
        furthest_point_sampling(torus.X, 50, start=display.arrow_indices_[0]),
    )
    few = VectorFieldDisplay.from_field(torus.X[:20], torus.vectors[:20], n_arrows=50)
    assert_array_equal(np.sort(few.arrow_indices_), np.arange(20))


def test_many_points_get_few_arrows_and_dots(rng):
    X = rng.uniform(size=(20_000, 2))
    display = VectorFieldDisplay.from_field(X, X)
    assert len(display.quiver_.get_offsets()) == len(display.arrow_indices_) < 1000
    assert len(display.scatter_.get_offsets()) < 5000
    drawn = sorted_rows(np.asarray(display.scatter_.get_offsets()))
    both = np.vstack([drawn, sorted_rows(X[display.arrow_indices_])])
    assert len(sorted_rows(both)) == len(drawn)  # under every arrow is its point


@pytest.mark.parametrize("scale", [None, 3.0])
@pytest.mark.parametrize("kind", ["plane", "map", "degrees", "space"])
def test_key_is_as_long_as_an_arrow_of_its_length(globe, pyplot, kind, scale):
    """All vectors are as long as that of the key, and lie in the picture."""
    X, vectors = globe.X, 2 * globe.frames[:, :, 0]
    if kind in ("plane", "space"):
        vectors = np.tile([2.0, 0, 0], (300, 1))
    ax = pyplot.figure().add_subplot(projection="3d" if kind == "space" else None)
    if kind == "space":
        ax.set_proj_type("ortho")
        ax.view_init(elev=90, azim=-90)
    projection = {"plane": (0, 1), "space": "3d"}.get(kind, "sphere")
    display = VectorFieldDisplay.from_field(
        X, vectors, projection=projection, scale=scale, ax=None if kind == "map" else ax
    )
    draw(display)
    assert display.key_.text.get_text() == "2"
    assert_allclose(lengths(display.quiver_), lengths(display.key_.vector)[0], rtol=1e-6)


@pytest.mark.parametrize("kind", ["plane", "degrees", "space"])
def test_scale_is_the_vector_of_unit_length(globe, pyplot, kind):
    ax = pyplot.figure().add_subplot(projection="3d" if kind == "space" else None)
    if kind == "space":
        ax.set_proj_type("ortho")
        ax.view_init(elev=90, azim=-90)
    X = 7 * globe.X
    vectors = globe.frames[:, :, 0] if kind == "degrees" else np.tile([1.0, 0, 0], (300, 1))
    projection = {"plane": (0, 1), "space": "3d"}.get(kind, "sphere")
    display = VectorFieldDisplay.from_field(X, vectors, projection=projection, ax=ax, scale=0.5)
    draw(display)
    # Two units of the points, or two radii.
    ends = np.array([[0, 0, 0], [np.rad2deg(2) if kind == "degrees" else 2, 0, 0]])
    if kind == "space":
        ends = np.column_stack(proj_transform(*ends.T, ax.get_proj()))
    left, right = ax.transData.transform(ends[:, :2])[:, 0]
    assert_allclose(lengths(display.quiver_), right - left, rtol=1e-6)


def test_typical_arrows_do_not_reach_beyond_their_neighbours(torus):
    """Whatever the units of the points and of the vectors."""
    reaches = []
    for size, strength in [(1, 1), (1e3, 1), (1, 1e-5)]:
        X, vectors = size * torus.X, strength * torus.vectors
        display = VectorFieldDisplay.from_field(X, vectors, projection=(0, 1))
        reaches.append(strength / size / display.quiver_.scale)
    assert_allclose(reaches, reaches[0])
    longest = reaches[0] * np.linalg.norm(torus.vectors, axis=1).max()
    apart = np.sqrt(8 * np.pi**2 / 500)  # area of the torus for each arrow
    assert apart / 2 < longest < 4 * apart


@pytest.mark.parametrize("projection", MAPS)
def test_arrows_on_maps_go_where_they_point(globe, pyplot, projection):
    """A step along each vector moves its image in the direction of its arrow."""
    ax = pyplot.figure().add_subplot(projection=projection)
    inner = np.all(np.abs(globe.latent) < [2.8, 1.3], axis=1)
    X, vectors = globe.X[inner], globe.vectors[inner]
    display = VectorFieldDisplay.from_field(X, vectors, projection="sphere", ax=ax)
    draw(display)
    rows, view = display.arrow_indices_, field_view("sphere", X)
    step = 1e-6 * vectors[rows]
    before, after = (ax.transData.transform(view.place(X[rows] + s * step)) for s in (-1, 1))
    moved = after - before
    arrows = field_arrows(display)[:, 2:]
    cosines = (moved * arrows).sum(axis=1) / np.prod(
        [np.linalg.norm(each, axis=1) for each in (moved, arrows)], axis=0
    )
    assert_allclose(cosines, 1, atol=1e-6)
    assert_allclose(np.linalg.norm(arrows, axis=1), np.linalg.norm(vectors[rows], axis=1))


def test_poles_have_arrows(globe):
    X = np.vstack([globe.X, [[0, 0, 1], [0, 0, -1]]])
    vectors = np.vstack([globe.vectors, [[1, 0, 0], [0, 1, 0]]])
    display = VectorFieldDisplay.from_field(X, vectors)
    draw(display)
    assert np.all(np.isfinite(field_arrows(display)))
    at = np.argsort(display.arrow_indices_)[-2:]
    assert_allclose(np.linalg.norm(field_arrows(display)[at, 2:], axis=1), 1)


def test_degrees_on_plain_axes(globe, pyplot):
    display = VectorFieldDisplay.from_field(
        globe.X, globe.vectors, ax=pyplot.figure().add_subplot(), n_arrows=300
    )
    expected = np.rad2deg(globe.latent)
    assert_allclose(
        sorted_rows(display.quiver_.get_offsets()), sorted_rows(expected), atol=0.1
    )  # within a thousandth of the poles they are moved
    assert display.ax_.get_xlim() == (-180, 180)
    assert "degrees" in display.ax_.get_xlabel()


def even_sphere(n):
    """Points of a spiral from pole to pole, all equally far apart."""
    height = 1 - (2 * np.arange(n) + 1) / n
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(n)
    width = np.sqrt(1 - height**2)
    return np.column_stack([width * np.cos(angle), width * np.sin(angle), height])


def check_far_side(display, depth):
    """The far half is pale and beneath the other, with some room for doubt at the rim."""
    alpha = opacities(display.quiver_)
    assert np.all(alpha[depth < -0.4] < 0.5)
    assert np.all(alpha[depth > 0.2] == 1)
    assert np.all(np.diff(alpha) >= 0)


@pytest.mark.parametrize(("columns", "sign"), [((0, 1), 1), ((1, 0), -1)])
def test_far_side_is_pale(columns, sign):
    X = even_sphere(400)
    std = X[:, 2] + 1  # tells which arrow is which
    display = VectorFieldDisplay.from_field(X, X[:, ::-1], std=std, projection=columns)
    check_far_side(display, sign * (np.asarray(display.quiver_.get_array()) - 1))


def test_nothing_is_behind_on_a_sheet(rng):
    X = rng.uniform(-1, 1, size=(400, 2))
    lifted = np.column_stack([X, 0.3 * np.sin(3 * X[:, 0])])
    for points, projection in [(X, "auto"), (lifted, "pca"), (lifted, (0, 1))]:
        display = VectorFieldDisplay.from_field(points, points, projection=projection)
        assert np.all(opacities(display.quiver_) == 1)
        assert np.all(opacities(display.scatter_) == 1)


def test_turning_the_box_shows_the_other_side():
    X = even_sphere(400)
    display = VectorFieldDisplay.from_field(
        X, X[:, ::-1], std=X[:, 2] + 1, labels=X[::10], projection="3d"
    )
    for elev, sign in [(90, 1), (-90, -1)]:
        display.ax_.view_init(elev=elev, azim=-90)
        draw(display)
        check_far_side(display, sign * (np.asarray(display.quiver_.get_array()) - 1))
        assert 10 < np.sum(opacities(display.label_scatter_) < 0.5) < 25


def test_arrows_in_space_stand_on_their_points(torus, pyplot):
    """Where matplotlib itself draws the points, however the box is seen."""
    display = VectorFieldDisplay.from_field(torus.X, torus.vectors, n_arrows=40)
    reference = display.ax_.scatter(*torus.X[display.arrow_indices_].T)
    for angles in [(30, -60), (-10, 100)]:
        display.ax_.view_init(*angles)
        draw(display)
        places = [np.asarray(each.get_offsets()) for each in (display.quiver_, reference)]
        assert_allclose(*map(sorted_rows, places), atol=1e-8)


def test_box_has_one_scale(torus):
    display = VectorFieldDisplay.from_field(torus.X * [1, 1, 5], torus.vectors)
    draw(display)
    display.ax_.view_init(elev=0, azim=0)
    corners = proj_transform(*np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1]]).T, display.ax_.get_proj())
    right, up = np.diff(corners[0])[0], corners[1][2] - corners[1][0]
    assert_allclose(right, up)


def test_color_is_the_standard_deviation(torus, rng):
    std = rng.uniform(1, 2, size=torus.X.shape)
    total = np.sqrt(np.square(std).sum(axis=1))
    for given in (std, total):
        for projection in ("3d", "pca"):
            display = VectorFieldDisplay.from_field(
                torus.X, torus.vectors, std=given, projection=projection, unit="m/s"
            )
            draw(display)
            expected = np.sort(total[display.arrow_indices_])
            assert_allclose(np.sort(display.quiver_.get_array()), expected)
            assert display.colorbar_.ax.get_ylabel() == "standard deviation (m/s)"
            assert display.key_.text.get_text().endswith(" m/s")


def test_colors_stay_with_their_arrows(torus):
    std = 4 + torus.X[:, 0]
    display = VectorFieldDisplay.from_field(torus.X, torus.vectors, std=std, projection=(0, 2))
    drawn = np.asarray(display.quiver_.get_offsets())[:, 0] + 4
    assert_allclose(display.quiver_.get_array(), drawn)


@pytest.mark.parametrize("projection", ["3d", "pca", "sphere"])
def test_without_std_arrows_have_one_color(torus, projection):
    display = VectorFieldDisplay.from_field(
        torus.X, torus.vectors, projection=projection, color="tab:red", alpha=0.5
    )
    draw(display)
    assert display.colorbar_ is None
    assert display.legend_ is None
    faces = np.atleast_2d(display.quiver_.get_facecolors())
    assert_allclose(faces[:, :3], np.tile(mpl.colors.to_rgb("tab:red"), (len(faces), 1)))
    assert faces[:, 3].max() == 0.5


def test_from_estimator_draws_predictions(rvgp, globe):
    display = VectorFieldDisplay.from_estimator(rvgp, globe.X, n_arrows=60)
    draw(display)
    rows = display.arrow_indices_
    mean, covariance = rvgp.predict(globe.X[rows], return_cov=True)
    std = np.sqrt(np.trace(covariance, axis1=1, axis2=2))
    assert_allclose(display.quiver_.get_array(), std, rtol=1e-6)
    components = np.einsum("ndm,nd->nm", globe.frames[rows], mean)
    norms = np.linalg.norm(field_arrows(display)[:, 2:], axis=1)
    assert_allclose(norms, np.linalg.norm(components, axis=1), rtol=1e-6)


def test_pipelines_and_searches(rng):
    X = rng.normal(size=(30, 2)) * 3 + 5
    y = np.column_stack([-X[:, 1], X[:, 0]])
    pipeline = make_pipeline(StandardScaler(), GaussianProcessRegressor(optimizer=None))
    search = GridSearchCV(pipeline, {"gaussianprocessregressor__alpha": [1e-3]}, cv=2).fit(X, y)
    frame = pd.DataFrame(X, columns=["a", "b"])
    expected = VectorFieldDisplay.from_estimator(pipeline.fit(X, y), X)
    display = VectorFieldDisplay.from_estimator(pipeline.fit(frame, y), frame)
    assert_allclose(field_arrows(display), field_arrows(expected))
    scaled = StandardScaler().fit_transform(X)[display.arrow_indices_]
    assert_allclose(display.quiver_.get_offsets(), scaled)
    assert_allclose(VectorFieldDisplay.from_estimator(search, X).quiver_.get_offsets(), scaled)


def test_refuses_estimators_without_a_vector_field(globe):
    with pytest.raises(NotFittedError):
        VectorFieldDisplay.from_estimator(RVGP(), globe.X)
    for y in (globe.X[:, 0], globe.X[:, :2]):
        scalar = GaussianProcessRegressor(alpha=1e-3, optimizer=None).fit(globe.X, y)
        with pytest.raises(ValueError, match="as of a scalar field"):
            VectorFieldDisplay.from_estimator(scalar, globe.X)
    for other in (LinearRegression().fit(globe.X, globe.vectors), StandardScaler().fit(globe.X)):
        with pytest.raises(ValueError, match="no return_std"):
            VectorFieldDisplay.from_estimator(other, globe.X)


def test_refuses_coordinates_in_frames(globe):
    y = np.einsum("ndm,nd->nm", globe.frames, globe.vectors)[:60]
    rvgp = RVGP("tangent", n_eigenpairs=10, n_neighbors=10, local_kernel="rbf", random_state=0)
    rvgp.fit(globe.X[:60], y, frames=globe.frames[:60])
    with pytest.raises(ValueError, match="coordinates in frames"):
        VectorFieldDisplay.from_estimator(rvgp, globe.X)


def test_singularities_as_an_object(globe):
    found = SimpleNamespace(positions=globe.X[:4], indices=np.array([1, 1, -1, 2]))
    one = VectorFieldDisplay.from_field(globe.X, globe.vectors, singularities=found)
    two = VectorFieldDisplay.from_field(
        globe.X, globe.vectors, singularities=(found.positions, found.indices)
    )
    for display in (one, two):
        places = [np.asarray(rings.get_offsets()) for rings in display.singularity_scatters_]
        assert_allclose(np.vstack(places), globe.latent[[3, 0, 1, 2]], atol=1e-9)
    words = [text.get_text() for text in one.legend_.get_texts()]
    assert words == ["index +2", "index +1", "index \N{MINUS SIGN}1"]


def test_no_singularities(globe):
    nothing = np.empty((0, 3)), np.empty(0, dtype=int)
    display = VectorFieldDisplay.from_field(globe.X, globe.vectors, singularities=nothing)
    draw(display)
    assert display.singularity_scatters_ == []
    assert display.legend_ is None


@pytest.mark.parametrize("projection", ["3d", "pca", "sphere", "auto"])
@pytest.mark.parametrize("n_points", [2, 3])
def test_hardly_any_points(n_points, projection):
    X = np.eye(3)[:n_points]
    display = VectorFieldDisplay.from_field(
        X, X[:, ::-1], std=np.ones(n_points), projection=projection
    )
    draw(display)
    assert len(display.quiver_.get_offsets()) == n_points


@pytest.mark.parametrize("projection", ["3d", "pca", "sphere"])
def test_still_fields_and_duplicates(globe, projection):
    X = np.repeat(globe.X[:20], 10, axis=0)
    display = VectorFieldDisplay.from_field(X, np.zeros_like(X), projection=projection)
    draw(display)
    assert np.all(np.isfinite(field_arrows(display)))


def test_panels_that_share_axes(torus, pyplot):
    _, axes = pyplot.subplots(1, 2, sharex=True, sharey=True)
    for ax in axes:
        display = VectorFieldDisplay.from_field(
            torus.X, torus.vectors, projection="pca", labels=torus.X[:3], ax=ax
        )
        assert display.ax_ is ax
        assert display.legend_ in ax.get_children()
    draw(display)


def test_plots_again_with_another_look(torus):
    display = VectorFieldDisplay(torus.X, torus.vectors, std=np.ones(900))
    assert display.plot(n_arrows=10) is display
    first = display.figure_
    display.plot(projection="pca")
    assert display.figure_ is not first
    assert display.ax_.name == "rectilinear"


def test_figures_pickle(torus):
    display = VectorFieldDisplay.from_field(torus.X, torus.vectors, labels=torus.X[:9])
    draw(display)
    copy = pickle.loads(pickle.dumps(display.figure_))
    copy.canvas.draw()
    quivers = [each for each in copy.axes[0].collections if isinstance(each, mpl.quiver.Quiver)]
    assert_allclose(quivers[0].get_offsets(), display.quiver_.get_offsets())


def test_does_not_write_into_its_arrays(globe):
    arrays = [globe.X.copy(), globe.vectors.copy(), np.ones(300)]
    for each in arrays:
        each.flags.writeable = False
    for projection in ("sphere", "3d", "pca"):
        X, vectors, std = arrays
        draw(VectorFieldDisplay.from_field(X, vectors, std=std, projection=projection))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vectors": np.ones((300, 2))}, r"vectors must have the shape .*got \(300, 2\)"),
        ({"vectors": np.full((300, 3), np.nan)}, "vectors contains NaN"),
        ({"X": np.ones((300, 1)), "vectors": np.ones((300, 1))}, "at least two coordinates"),
        ({"X": np.ones((1, 3)), "vectors": np.ones((1, 3))}, "points must be at least two"),
        ({"std": np.ones(299)}, r"std must have the shape .*got \(299,\)"),
        ({"std": np.ones((300, 2))}, r"std must have the shape .*got \(300, 2\)"),
        ({"std": -np.ones(300)}, "std must not be negative"),
        ({"labels": np.ones((4, 2))}, "labels have 2 coordinates, but points have 3"),
        ({"singularities": (np.ones((4, 2)), np.ones(4))}, "singularities have 2 coordinates"),
        ({"singularities": (np.ones((4, 3)), np.ones(3))}, "4 positions and 3 indices"),
        ({"singularities": np.ones((4, 3))}, "a pair"),
        ({"singularities": 5}, "singularities must be what RVGP.singularities returns"),
        ({"projection": 5}, "projection must be a name or two different columns"),
        ({"projection": "mercator"}, "projection must be 'auto'.*got 'mercator'"),
        ({"projection": (0, 3)}, "from 0 to 2"),
        ({"projection": (1, 1)}, "two different columns"),
        ({"projection": (0, 1, 2)}, "two different columns"),
        ({"projection": (0.0, 1.0)}, "two different columns"),
        ({"n_arrows": 0}, "n_arrows must be 'auto' or an integer"),
        ({"n_arrows": "all"}, "n_arrows must be 'auto' or an integer"),
        ({"n_arrows": 2.5}, "n_arrows must be 'auto' or an integer"),
        ({"scale": 0.0}, "scale must be positive"),
    ],
)
def test_bad_input(globe, changes, words):
    with pytest.raises(ValueError, match=words):
        VectorFieldDisplay.from_field(**{"X": globe.X, "vectors": globe.vectors} | changes)


@pytest.mark.parametrize(
    ("n_dims", "projection"), [(2, "3d"), (2, "sphere"), (5, "sphere")], ids=str
)
def test_projections_that_do_not_fit_the_points(rng, n_dims, projection):
    X = rng.normal(size=(20, n_dims))
    with pytest.raises(ValueError, match=f"projection='{projection}' needs points of"):
        VectorFieldDisplay.from_field(X, X, projection=projection)


@pytest.mark.parametrize(
    ("name", "projection", "words"),
    [
        (None, "3d", "ax is not three-dimensional"),
        ("mollweide", "3d", "ax is not three-dimensional"),
        ("3d", "pca", "ax is three-dimensional"),
        ("3d", "auto", "ax is three-dimensional"),
        ("polar", "pca", "matplotlib projection 'polar'"),
        ("mollweide", "pca", "matplotlib projection 'mollweide'"),
        ("polar", "sphere", "matplotlib projection 'polar'"),
    ],
)
def test_axes_that_do_not_fit(globe, pyplot, name, projection, words):
    ax = pyplot.figure().add_subplot(projection=name)
    with pytest.raises(ValueError, match=words):
        VectorFieldDisplay.from_field(globe.X, globe.vectors, projection=projection, ax=ax)
    assert not ax.collections


@pytest.mark.parametrize("method", ["from_field", "from_estimator"])
def test_missing_matplotlib_says_what_to_install(globe, monkeypatch, method):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    subject = {"from_field": globe.X, "from_estimator": RVGP()}[method]
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[plot\]"'):
        getattr(VectorFieldDisplay, method)(subject, globe.X)
