"""Cloud tasks move what they say, and their scores see flips, errors and mirror images."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from benchmarks import tinv_mds
from benchmarks._cloud_peers import Centred, EachClassicalMDS, EachPCA, MeanEmbedding, Raw
from benchmarks._cloud_shapes import (
    fit_shapes,
    mirrored,
    score_shapes,
    shapes,
    turned_copies,
    warm_up_shapes,
)
from benchmarks._cloud_tasks import (
    Clouds,
    array,
    degenerate,
    disagreement,
    disagreements,
    distance_error,
    fit_families,
    fit_measured,
    fit_pairs,
    mds_error,
    moved,
    pairs,
    ragged,
    score_batch,
    score_families,
    score_mirrors,
    score_pairs,
    score_ragged,
    score_single,
    single,
    warm_up,
)
from benchmarks._peers import parse
from benchmarks._report import View
from skmanifold.embedding import TinvMDS


def named_methods(chosen=lambda task: True):
    tasks = filter(chosen, tinv_mds.TASKS.values())
    return sorted({method for task in tasks for method in task.methods})


def test_every_method_of_the_suite_has_a_maker_and_warms_up():
    methods = named_methods()
    assert {parse(method)[0] for method in methods} == set(tinv_mds.METHODS)
    for method in methods:
        if "cuda" not in method:
            warm_up(tinv_mds.make(method, 3))
    for method in named_methods(lambda task: task.warm_up is warm_up_shapes):
        warm_up_shapes(tinv_mds.make(method, 3))


def test_copies_are_similar_and_their_orders_are_told(rng):
    X = rng.normal(size=(30, 20, 3))
    copies, orders = moved(X, 0)
    factors = np.array(
        [pdist(b) / pdist(a[order]) for a, b, order in zip(X, copies, orders, strict=True)]
    )
    np.testing.assert_allclose(factors, factors[:, :1].repeat(190, axis=1))
    assert factors.min() < 0.1
    assert factors.max() > 10
    listed, same = moved(list(X), 0)
    np.testing.assert_array_equal(np.stack(listed), copies)
    np.testing.assert_array_equal(same, orders)


def test_flips_are_counted_apart_from_errors(rng):
    points = rng.normal(size=(30, 3))
    other = points * [1, -1, 1]
    other[4, 2] += 0.25
    assert disagreement(points, points) == (0, False)
    error, flipped = disagreement(points, other)
    assert error == pytest.approx(0.25)
    assert flipped
    order = rng.permutation(30)
    scores = disagreements([points] * 2, [points[order], other[order]], [order] * 2)
    assert scores["flips"] == 1
    assert scores["moved_error"] == pytest.approx(0.25)


def test_distance_error_ignores_similarities_only(rng):
    cloud = rng.normal(size=(20, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    assert distance_error(cloud, 5 * cloud @ turn + 1) < 1e-13
    assert distance_error(cloud, cloud * [1, 1, 2]) > 0.01


def test_principal_axes_are_classical_scaling(rng):
    cloud = rng.normal(size=(30, 3)) * [1, 0.7, 0.4]
    assert mds_error(cloud, EachPCA().fit_transform(cloud)) < 1e-12
    assert mds_error(cloud, EachPCA().fit_transform(cloud)[:, ::-1]) > 0.1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_moved_pairs_tell_ours_from_axes_that_depend_on_the_pose(dtype):
    data = pairs(50, dtype=dtype)(0)
    assert [len(X) for X in data.before] == [10] * 5
    assert {X.dtype for X in (*data.before, *data.after)} == {np.dtype(dtype)}
    exact = tinv_mds.EXACT[dtype]
    ours = score_pairs(None, fit_pairs(TinvMDS(), data), data, 0)
    assert ours["flips"] == 0
    assert max(ours[name] for name in ("moved_error", "distance_error", "mds_error")) < exact
    peer = score_pairs(None, fit_pairs(EachPCA(), data), data, 0)
    assert 25 < peer["flips"] <= 50
    raw = score_pairs(None, fit_pairs(Raw(), data), data, 0)
    assert raw["moved_error"] > 1


@pytest.mark.parametrize(("output", "least"), [("points", 1.0), ("features", 0.8)])
def test_mirror_images_differ_where_they_should(output, least):
    data = pairs(50, reflect=True)(0)

    def scores(chiral):
        estimator = TinvMDS(chiral=chiral, output=output, random_state=0)
        return score_mirrors(estimator, fit_pairs(estimator, data), data, 0)

    assert scores(False)["told_apart"] == 0
    assert scores(False)["mirror_difference"] < 1e-12
    assert scores(True)["told_apart"] >= least
    assert scores(True)["mirror_difference"] > 0.01


@pytest.mark.parametrize("method", [TinvMDS(), TinvMDS(output="features", random_state=0)])
def test_batches_are_scored_by_their_copies(method):
    data = array(20, 40, 3)(0)
    scores = score_batch(method, fit_measured(method, data), data, 0)
    assert scores["clouds"] == 20
    assert scores["moved_error"] < 1e-10
    assert scores["s_per_10k"] == pytest.approx(500 * scores["fit_s"])


def test_memory_is_in_units_of_the_input():
    class Greedy(Raw):
        def transform(self, X):
            np.ones((3, *X.shape)).sum()
            return X

    data = array(1000, 1000, 3)(0)
    scores = score_batch(Greedy(), fit_measured(Greedy(), data), data, 0)
    assert 2.8 < scores["extra_memory"] < 4


def test_classical_scaling_is_extrapolated_from_few_clouds():
    data, peer = array(20, 40, 3)(0), EachClassicalMDS()
    result = fit_measured(peer, data)
    scores = score_batch(peer, result, data, 0)
    assert len(result[0]) == scores["clouds"] == 4
    assert scores["s_per_10k"] == pytest.approx(2500 * scores["fit_s"])


def test_lists_are_compared_with_each_cloud_alone():
    data = ragged(20, 10, 60)(0)
    assert len({len(cloud) for cloud in data.X}) > 10
    output, cost = fit_measured(TinvMDS(), data)
    scores = score_ragged(TinvMDS(), (output, cost), data, 0)
    assert max(scores["alone_error"], scores["moved_error"]) < 1e-12
    shifted = [points + 1 for points in output]
    assert score_ragged(TinvMDS(), (shifted, cost), data, 0)["alone_error"] == pytest.approx(1)


def test_one_cloud_is_scored_by_its_copy():
    data = single(2000, 5)(0)
    ours = score_single(TinvMDS(), fit_measured(TinvMDS(), data), data, 0)
    assert ours["flips"] == 0
    assert ours["moved_error"] < 1e-10
    assert score_single(Raw(), fit_measured(Raw(), data), data, 0)["moved_error"] > 0.1


def test_degenerate_families_are_what_they_are_called():
    families = degenerate(0)
    spectra = {
        name: np.linalg.svd(family.clouds[0] - family.clouds[0].mean(axis=0), compute_uv=False)
        for name, family in families.items()
    }
    for name in ("cube", "sphere"):
        np.testing.assert_allclose(spectra[name], spectra[name][0])
    np.testing.assert_allclose(spectra["ring"], spectra["ring"][0] * np.array([1, 1, 0]))
    extents = {"collinear": 1, "planar": 2, "coincident": 0, "one point": 0}
    for name, n_axes in extents.items():
        assert np.sum(spectra[name] > 1e-12) == n_axes
    scores = score_families(None, fit_families(TinvMDS(random_state=0), families), families, 0)
    assert scores["nan"] == 0
    assert scores["features_error"] < 1e-10


def test_a_missing_warning_and_a_missing_number_are_seen():
    families = degenerate(0)
    result = fit_families(TinvMDS(random_state=0), families)
    before = score_families(None, result, families, 0)
    points, warned, features = result["cube"]
    spoilt = features.copy()
    spoilt[3, 0] = np.nan
    after = score_families(None, result | {"cube": (points, not warned, spoilt)}, families, 0)
    assert after["nan"] == before["nan"] + 1
    assert after["warned_right"] == pytest.approx(before["warned_right"] - 1 / len(families))


def test_each_pca_is_the_loop_it_stands_for(rng):
    X = rng.normal(size=(3, 20, 4)) * [1, 0.8, 0.6, 0.4]
    for cloud, posed in zip(X, EachPCA().fit_transform(X), strict=True):
        scores = PCA().fit_transform(cloud)
        np.testing.assert_allclose(posed * scores[:, 0].std(), scores)
    radii = np.square(EachPCA(scale="trace").fit_transform(X)).sum(axis=2).mean(axis=1)
    np.testing.assert_allclose(radii, 1)


def test_centring_undoes_shifts_and_scales_only(rng):
    X = rng.normal(size=(3, 20, 3))
    posed = Centred().fit_transform(X)
    np.testing.assert_allclose(Centred().fit_transform(5 * X + 7), posed)
    assert np.abs(Centred().fit_transform(X[..., ::-1]) - posed).max() > 0.1


def test_mean_embedding_ignores_order_and_sees_poses(rng):
    X = rng.normal(size=(3, 20, 3))
    embedding = MeanEmbedding().fit(X)
    described = embedding.transform(X)
    np.testing.assert_allclose(embedding.transform(X[:, ::-1]), described, atol=1e-14)
    assert np.abs(embedding.transform(-X) - described).max() > 0.1


def test_augmentation_turns_and_keeps_labels(rng):
    X, y = rng.normal(size=(4, 20, 3)), np.arange(4)
    X = Centred().fit_transform(X)
    turned, labels = turned_copies(X, y, 2)
    for cloud, label in zip(turned, labels, strict=True):
        np.testing.assert_allclose(pdist(cloud), pdist(X[label]))
    assert np.abs(turned[:4] - turned[4:]).max() > 0.1


@pytest.fixture(scope="module")
def small_shapes():
    return shapes(128, 0.02, n_train=130, n_test=130)(0)


def test_test_clouds_are_new_and_move_while_labels_stay(small_shapes):
    aligned, copies = small_shapes.X_aligned, small_shapes.X_moved
    assert not np.array_equal(small_shapes.X_train, aligned)
    factors = np.array([pdist(b) / pdist(a) for a, b in zip(aligned, copies, strict=True)])
    np.testing.assert_allclose(factors, factors[:, :1].repeat(factors.shape[1], axis=1))
    assert np.array_equal(np.unique(small_shapes.y_test), np.arange(13))


def test_motion_hurts_raw_coordinates_and_not_ours(small_shapes):
    def scores(method):
        estimator = tinv_mds.make(method, 0)
        return score_shapes(estimator, fit_shapes(estimator, small_shapes), small_shapes, 0)

    raw = scores("Raw")
    assert raw["accuracy_aligned"] > 0.9
    assert raw["accuracy_moved"] < 0.3
    for method in (tinv_mds.FEATURES, tinv_mds.POINTS):
        ours = scores(method)
        assert ours["accuracy_moved"] == ours["accuracy_aligned"] > 0.8
    assert scores(tinv_mds.AUGMENTED)["accuracy_moved"] > 0.5


def test_mirrored_shapes_are_told_apart_by_chiral_methods_only():
    data = mirrored("helix", 256, 0.02, n_train=60, n_test=60)(0)
    np.testing.assert_array_equal(np.bincount(data.y_test), [30, 30])

    def accuracy(method):
        estimator = tinv_mds.make(method, 0)
        result = fit_shapes(estimator, data)
        return score_shapes(estimator, result, data, 0)["accuracy_moved"]

    assert accuracy(tinv_mds.CHIRAL_POINTS) > 0.8
    assert accuracy(tinv_mds.FEATURES) < 0.75


def test_moved_minus_raw_pairs_ours_moved_with_raw_aligned():
    def record(method, seed, moved, aligned):
        quality = {"accuracy_moved": moved, "accuracy_aligned": aligned}
        case = {"task": "shapes-512", "method": method, "seed": seed, "run": "a"}
        return case | {"status": "ok", "quality": quality}

    records = [
        record(tinv_mds.FEATURES, 0, 0.9, 0.2),
        record("Raw", 0, 0.1, 1.0),
        record(tinv_mds.FEATURES, 1, 0.8, 0.2),
        record("Raw", 1, 0.1, 0.7),
    ]
    runs = {"a": {"machine": "", "threads": 1}}
    view = View({"runs": runs, "records": records}, tinv_mds.TASKS, "shapes-512")
    assert tinv_mds.moved_minus_raw(least=0).figure(view) == pytest.approx(0)


def test_loaders_repeat_themselves_and_float32_comes_through():
    first, second = array(4, 10, 3, "float32")(1), array(4, 10, 3, "float32")(1)
    assert isinstance(first, Clouds)
    assert first.X.dtype == np.float32
    np.testing.assert_array_equal(first.X, second.X)
    assert not np.array_equal(first.X, array(4, 10, 3, "float32")(2).X)
