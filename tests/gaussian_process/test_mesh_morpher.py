"""What the morpher makes of lists of meshes; how they are laid flat is tested in tests/mesh."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import special_ortho_group
from sklearn.exceptions import NotFittedError

from skmanifold import MeshMorpher
from skmanifold.datasets import make_tensile_meshes
from skmanifold.exceptions import MeshError
from skmanifold.mesh import MeshSample, surface_of
from tests.mesh._meshes import (
    orphaned,
    patch_sample,
    plate_sample,
    renumbered,
    ring_sample,
    round_ring,
    skewed_sample,
    tetrahedron,
    two_holes,
)

PLATES = [plate_sample(5 + k % 3, 7 + k % 2, 0.05 * k, seed=k) for k in range(6)]
RINGS = [ring_sample(4 + k % 2, 20 + k, 0.3 + 0.05 * k, seed=k) for k in range(4)]
PATCHES = [patch_sample(5 + k % 2, 7, 0.05 * k, 0.3 + 0.05 * k) for k in range(4)]
LISTS = {"plates": PLATES, "rings": RINGS, "patches": PATCHES}
every_list = pytest.mark.parametrize("X", LISTS.values(), ids=LISTS)


def linear_map(dims, seed=0):
    return special_ortho_group.rvs(dims, random_state=seed)


def moved(sample, rotation, shift=0.0):
    return replace(sample, points=sample.points @ rotation.T + shift)


def unmarked(sample):
    return replace(sample, landmarks=None)


@every_list
@pytest.mark.parametrize("support", ["medoid", "disk", "given"])
def test_rows_of_equal_length(X, support):
    given = X[-1] if support == "given" else support
    morpher = MeshMorpher(support=given).fit(X)
    rows = morpher.transform(X)
    n_nodes, dims = morpher.support_.n_nodes, X[0].points.shape[1]
    assert rows.shape == (len(X), n_nodes * dims)
    assert np.isfinite(rows).all()
    assert_array_equal(MeshMorpher(support=given).fit_transform(X), rows)
    assert_array_equal(morpher.transform(X[1:2]), rows[1:2])
    assert (morpher.n_flips_ == 0).all()
    assert morpher.failures_ == {}
    assert (morpher.weights_ == "cotangent").all()
    assert morpher.smallest_angles_.shape == morpher.clamped_shares_.shape == (len(X),)
    assert len(morpher.get_feature_names_out()) == n_nodes * dims
    # The nodes of the support are named in order: coordinates of one node stand together.
    low, high = (getattr(X[2].points, name)(axis=0) for name in ("min", "max"))
    coordinates = rows[2].reshape(-1, dims)
    assert (coordinates >= low - 1e-9).all()
    assert (coordinates <= high + 1e-9).all()


def test_the_medoid_is_one_of_the_meshes():
    morpher = MeshMorpher().fit(PLATES)
    index = morpher.support_index_
    assert morpher.support_.n_nodes == PLATES[index].n_nodes
    own = morpher.transform(PLATES)[index].reshape(-1, 2)
    assert_allclose(own, PLATES[index].points, atol=1e-9)
    assert MeshMorpher(support="disk").fit(PLATES).support_index_ is None
    assert MeshMorpher(support=PLATES[0]).fit(PLATES).support_index_ is None


@every_list
def test_fields_there_and_back(X):
    morpher = MeshMorpher(support="disk").fit(X)
    for sample, morph in zip(X, morpher.morph(X), strict=True):
        there, back = morph.to_support, morph.from_support
        assert there.shape == back.shape[::-1] == (morpher.support_.n_nodes, sample.n_nodes)
        assert_allclose(there.sum(axis=1), 1)
        assert_allclose(back.sum(axis=1), 1)
        off = back @ (there @ sample.points) - sample.points
        assert np.abs(off).max() < 0.15 * np.ptp(sample.points, axis=0).max()


def round_trip(n_rows):
    sample, other = plate_sample(n_rows, n_rows + 2), plate_sample(n_rows + 3, n_rows)
    values = np.sin(2 * sample.points[:, 0]) * np.exp(sample.points[:, 1])
    morph = MeshMorpher(support=other).fit([sample]).morph([sample])[0]
    return np.sqrt(np.mean((morph.from_support @ (morph.to_support @ values) - values) ** 2))


def test_transfer_converges_with_the_square_of_the_edges():
    errors = [round_trip(n_rows) for n_rows in (6, 12, 24)]
    assert errors[0] > 9 * errors[2]


@every_list
@pytest.mark.parametrize("weights", ["auto", "mean_value", "uniform"])
def test_numbers_and_senses_do_not_count(X, weights, rng):
    if X is PATCHES:  # in space most of the cells must run as they did
        other = [renumbered(sample, rng)[0] for sample in X]
    else:
        other = [renumbered(replace(s, cells=s.cells[:, ::-1]), rng)[0] for s in X]
    morpher = MeshMorpher(weights=weights, support=X[0]).fit(X)
    assert_allclose(morpher.transform(other), morpher.transform(X), atol=1e-10)
    again = MeshMorpher(weights=weights, support="disk").fit(other)
    expected = MeshMorpher(weights=weights, support="disk").fit_transform(X)
    assert_allclose(again.transform(X), expected, atol=1e-10)


@pytest.mark.parametrize("X", [PLATES, PATCHES], ids=["plates", "patches"])
def test_rigid_motions_move_the_rows_along(X):
    dims = X[0].points.shape[1]
    rotation, shift = linear_map(dims), np.arange(1.0, dims + 1)
    morpher = MeshMorpher().fit(X)
    expected = morpher.transform(X).reshape(len(X), -1, dims) @ rotation.T + shift
    found = morpher.transform([moved(sample, rotation, shift) for sample in X])
    assert_allclose(found.reshape(expected.shape), expected, atol=1e-9)


def spread_by_meshing(weights):
    """How far apart two meshings of a plate are, in units of the spread over plates."""
    data = make_tensile_meshes(6, structured=True, n_meshings=2, random_state=0)
    rows = MeshMorpher(weights=weights, support="disk").fit_transform(data.X)
    one, other = rows[::2], rows[1::2]
    return np.linalg.norm(one - other) / np.linalg.norm(one - one.mean(axis=0))


def test_cotangents_depend_little_on_the_mesh():
    assert spread_by_meshing("cotangent") < 0.4 * spread_by_meshing("uniform")


@every_list
def test_landmarks_stay_landmarks(X):
    morpher = MeshMorpher(support=X[0]).fit(X)
    for sample, row in zip(X, morpher.transform(X), strict=True):
        coordinates = row.reshape(-1, sample.points.shape[1])
        marked = coordinates[X[0].landmarks]
        assert_allclose(marked, sample.points[sample.landmarks], atol=1e-9)


def test_outlines_by_arc_length_alone():
    bare = [unmarked(sample) for sample in PLATES]
    expected = MeshMorpher(support="disk").fit_transform(bare)
    found = MeshMorpher(boundary="arclength", support="disk").fit_transform(PLATES)
    assert_array_equal(found, expected)
    assert np.abs(MeshMorpher(support="disk").fit_transform(PLATES) - expected).max() > 1e-3
    with pytest.warns(UserWarning, match=r"X\[0\] has no landmarks, as 1 of 6 meshes"):
        mixed = MeshMorpher(support="disk").fit_transform([bare[0], *PLATES[1:]])
    assert_array_equal(mixed, expected)


LAST = len(PLATES)
FAULTS = {
    "two holes": (two_holes(), "one hole at most, but this one has 2"),
    "orphan": (orphaned(PLATES[0]), r"all \d+ nodes must be in a cell"),
    "inside": (
        replace(PLATES[0], landmarks=[*PLATES[0].landmarks[:3], 20]),
        "landmarks must be nodes of the outline or of the hole, but node 20 is not",
    ),
    "order": (
        replace(PLATES[0], landmarks=PLATES[0].landmarks[[0, 2, 1, 3]]),
        "landmarks must follow one another counter-clockwise",
    ),
}
NEW_FAULTS = {
    **FAULTS,
    "missing": (unmarked(PLATES[0]), "landmarks are missing"),
    "count": (
        replace(PLATES[0], landmarks=PLATES[0].landmarks[:3]),
        "the outline must have 4 landmarks, as in the training meshes, and has 3",
    ),
    "topology": (RINGS[0], "of the topology 'annulus', and 'disk' is wanted"),
}


@pytest.mark.parametrize(("sample", "fault"), FAULTS.values(), ids=FAULTS)
def test_faults_in_fit_are_named_with_the_sample(sample, fault):
    settings = {"boundary": "arclength" if sample.landmarks is None else "landmarks"}
    with pytest.raises(MeshError, match=rf"X\[{LAST}\]: .*{fault}"):
        MeshMorpher(**settings).fit([*PLATES, sample])
    with pytest.warns(UserWarning, match=rf"X\[1\] is left out: .*{fault}") as caught:
        morpher = MeshMorpher(on_failure="warn", **settings).fit([PLATES[0], sample, *PLATES[1:]])
    assert len(caught) == 1
    assert set(morpher.failures_) == {1}
    assert re.search(fault, morpher.failures_[1])
    assert morpher.weights_[1] == "none"
    assert np.isnan(morpher.smallest_angles_[1])
    if sample.landmarks is not None:
        assert_array_equal(morpher.transform(PLATES), MeshMorpher().fit_transform(PLATES))


@pytest.mark.parametrize(("sample", "fault"), NEW_FAULTS.values(), ids=NEW_FAULTS)
def test_faults_of_new_meshes_are_named_with_the_sample(sample, fault):
    if sample is NEW_FAULTS["two holes"][0]:
        sample = replace(sample, landmarks=[0, 1])
    X = [PLATES[1], sample, PLATES[2]]
    with pytest.raises(MeshError, match=rf"X\[1\]: .*{fault}"):
        MeshMorpher().fit(PLATES).transform(X)
    morpher = MeshMorpher(on_failure="warn").fit(PLATES)
    with pytest.warns(UserWarning, match=rf"X\[1\] is left out: .*{fault}") as caught:
        rows = morpher.transform(X)
    assert len(caught) == 1
    assert np.isnan(rows[1]).all()
    assert_array_equal(rows[[0, 2]], morpher.transform(PLATES[1:3]))


def test_closed_surfaces_in_space():
    with pytest.raises(MeshError, match=r"X\[4\]: .*the surface is closed"):
        MeshMorpher(boundary="arclength").fit([*PATCHES, tetrahedron()])


def test_rings_in_space():
    points, cells = round_ring()
    raised = MeshSample(np.insert(points, 2, 0.0, axis=1), cells)
    with pytest.raises(MeshError, match=r"X\[0\]: a mesh with a hole must lie in the plane"):
        MeshMorpher().fit([raised])


def test_several_failures_are_one_warning():
    bad = orphaned(PLATES[0])
    with pytest.warns(UserWarning, match=r"X\[1\] is left out.*2 others: \[3, 4\]") as caught:
        rows = MeshMorpher(on_failure="warn").fit_transform([PLATES[0], bad, PLATES[1], bad, bad])
    assert len(caught) == 1
    assert_array_equal(np.isnan(rows).all(axis=1), [False, True, False, True, True])


def test_nothing_but_failures():
    bad = [orphaned(PLATES[0])] * 2
    with (
        pytest.warns(UserWarning, match="is left out"),
        pytest.raises(MeshError, match=r"no mesh of X can be morphed; X\[0\]: all"),
    ):
        MeshMorpher(on_failure="warn").fit(bad)


@pytest.mark.parametrize("name", LISTS)
def test_shapes_are_coordinates_and_of_rings_the_outlines(name):
    X = LISTS[name]
    morpher = MeshMorpher().fit(X)
    morphs = morpher.morph(X)
    expected = morpher.transform(X)
    if name == "rings":
        expected = np.array([morph.outline.ravel() for morph in morphs])
    assert_array_equal(morpher._shapes(X, morphs), expected)


def test_outlines_tell_the_shape_of_a_ring_whatever_its_mesh():
    X = [*RINGS, ring_sample(5, 40, 0.3), ring_sample(9, 60, 0.3), ring_sample(5, 40, 0.5)]
    morpher = MeshMorpher().fit(X)
    coarse, fine, other = morpher._shapes(X, morpher.morph(X))[-3:]
    assert np.linalg.norm(coarse - fine) < 0.05 * np.linalg.norm(coarse - other)


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="X is empty"):
        MeshMorpher().fit([])
    morpher = MeshMorpher().fit(PLATES)
    for method in (morpher.transform, morpher.morph):
        with pytest.raises(ValueError, match="X is empty"):
            method([])


def test_meshes_that_do_not_agree():
    with pytest.raises(MeshError, match=r"X\[6\] is of the topology 'annulus' and X\[0\] of 'disk"):
        MeshMorpher().fit([*PLATES, RINGS[0]])
    with pytest.raises(MeshError, match=r"X\[6\]: .* 'annulus', and 'disk' is wanted"):
        MeshMorpher(topology="disk").fit([*PLATES, RINGS[0]])
    with pytest.raises(MeshError, match=r"X\[6\] has \[3\] landmarks on its rims and X\[0\] has"):
        MeshMorpher().fit([*PLATES, replace(PLATES[0], landmarks=PLATES[0].landmarks[:3])])
    with pytest.raises(MeshError, match=r"X\[1\]: landmarks are missing"):
        MeshMorpher(boundary="landmarks").fit([PLATES[0], unmarked(PLATES[1])])
    with pytest.raises(ValueError, match=r"points of X\[0\] have 2 .* those of X\[6\] 3"):
        MeshMorpher().fit([*PLATES, PATCHES[0]])


def test_faults_of_the_support_are_its_own():
    with pytest.raises(MeshError, match=r"^support: .* 'annulus', and 'disk' is wanted"):
        MeshMorpher(support=RINGS[0]).fit(PLATES)
    with pytest.raises(MeshError, match=r"^support: landmarks are missing"):
        MeshMorpher(support=unmarked(PLATES[0])).fit(PLATES)


def test_what_is_no_list_of_meshes():
    morpher = MeshMorpher().fit(PLATES)
    for call in (morpher.transform, MeshMorpher().fit):
        with pytest.raises(TypeError, match=r"Pass \[X\]"):
            call(PLATES[0])
        with pytest.raises(TypeError, match=r"X\[1\] is a int"):
            call([PLATES[0], 3])
    with pytest.raises(TypeError, match="list of MeshSample, as in fit, and this"):
        morpher.transform(np.ones((2, 3)))
    with pytest.raises(ValueError, match="points of 2 coordinates, as in fit, got 3"):
        morpher.transform(PATCHES)
    with pytest.raises(NotFittedError):
        MeshMorpher().transform(PLATES)


@pytest.mark.parametrize(
    "params", [{"weights": "graph"}, {"support": 3}, {"topology": "ring"}, {"on_failure": "skip"}]
)
def test_parameters_out_of_range(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of MeshMorpher"):
        MeshMorpher(**params).fit(PLATES)


def test_a_failed_fit_leaves_the_earlier_one():
    morpher = MeshMorpher().fit(PLATES)
    expected, before = morpher.transform(PLATES), vars(morpher).copy()
    for bad in (FAULTS["two holes"][0], RINGS[0], FAULTS["inside"][0]):
        with pytest.raises(MeshError):
            morpher.fit([*PLATES, bad])
    assert vars(morpher).keys() == before.keys()
    assert_array_equal(morpher.transform(PLATES), expected)


def test_rows_of_numbers_stay_what_they_are(rng):
    rows = rng.normal(size=(5, 8))
    morpher = MeshMorpher().fit(rows)
    assert_array_equal(morpher.transform(rows), rows)
    assert morpher.n_features_in_ == 8
    assert morpher.support_ is None
    with pytest.raises(TypeError, match="must be rows of numbers, as in fit"):
        morpher.transform(PLATES)
    morpher.fit(PLATES)
    assert not hasattr(morpher, "n_features_in_")
    assert morpher.transform(PLATES).shape == (6, morpher.support_.n_nodes * 2)


def test_shared_meshes_of_any_topology(rng):
    first = tetrahedron()
    X = [replace(first, points=rng.normal(size=(4, 3))) for _ in range(3)]
    morpher = MeshMorpher(topology="shared").fit(X)
    assert_array_equal(morpher.transform(X), [sample.points.ravel() for sample in X])
    assert morpher.topology_ == "shared"
    assert_array_equal(morpher.weights_, "none")
    assert_array_equal(morpher.support_.points, X[0].points)
    for bad, fault in [
        (replace(first, cells=first.cells[::-1]), "the cells differ"),
        (orphaned(first), "there are 5 nodes, and 4"),
    ]:
        with pytest.raises(MeshError, match=rf"X\[1\]: {fault}"):
            morpher.transform([X[0], bad])
        with pytest.raises(MeshError, match=rf"X\[3\]: {fault}"):
            MeshMorpher(topology="shared").fit([*X, bad])


def test_weights_fall_back_aloud():
    bad = skewed_sample(0)
    X = [*PLATES, bad, skewed_sample(3)]
    with pytest.warns(UserWarning, match=r"2 of 8 meshes, such as X\[6\], X\[7\]") as caught:
        morpher = MeshMorpher(support=PLATES[0]).fit(X)
    assert len(caught) == 1
    assert_array_equal(morpher.weights_, ["cotangent"] * 6 + ["mean_value"] * 2)
    assert (morpher.n_flips_ == 0).all()
    with pytest.warns(UserWarning, match=r"1 of 2 meshes, such as X\[1\]") as caught:
        morpher.transform([PLATES[0], bad])
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="such as support"):
        MeshMorpher(support=bad).fit(PLATES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert MeshMorpher(weights="mean_value").fit(X).n_flips_.sum() == 0
        assert MeshMorpher(weights="cotangent", support=PLATES[0]).fit(X).n_flips_[6] > 0


def test_quads_are_split():
    points, cells = PLATES[0].points, PLATES[0].cells
    half = len(cells) // 2  # the halves of one square stand half the list apart
    quads = np.stack([cells[:half, 0], cells[:half, 1], cells[:half, 2], cells[half:, 2]], axis=1)
    whole = MeshSample(points, quads, landmarks=PLATES[0].landmarks)
    split = MeshSample(points, surface_of(points, quads).triangles, landmarks=whole.landmarks)
    morpher = MeshMorpher().fit(PLATES)
    assert_allclose(morpher.transform([whole]), morpher.transform([split]), atol=1e-12)
