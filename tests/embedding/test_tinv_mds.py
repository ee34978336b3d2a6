"""TinvMDS on one cloud and on batches: what must not matter, and what the coordinates are."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.manifold import ClassicalMDS
from sklearn.metrics import pairwise_distances

from skmanifold import TinvMDS
from skmanifold.datasets import moved_clouds
from skmanifold.exceptions import DegenerateFrameWarning

OUTPUTS = ["points", "frames", "spectrum", "features"]
# Relative to coordinates of size 1, in the type of the input.
TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5}

every_output = pytest.mark.parametrize("output", OUTPUTS)
every_dimension = pytest.mark.parametrize("n_dims", [1, 2, 3, 6])


def lopsided(rng, n_clouds=6, n_points=40, n_dims=3):
    """Clouds without symmetry, whose axes and signs are clear."""
    stretch = 0.6 ** np.arange(n_dims)
    return rng.exponential(size=(n_clouds, n_points, n_dims)) * stretch


def ragged(rng, sizes=(40, 7, 25, 8, 120, 40, 1), n_dims=3):
    return [lopsided(rng, 1, size, n_dims)[0] for size in sizes]


def mirrored(clouds):
    return [cloud * np.array([-1.0, 1.0, 1.0]) for cloud in clouds]


def assert_same_clouds(first, second, **tolerance):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert_allclose(one, other, **tolerance)


def assert_certainty_is_told(model):
    names = ["eigen_gap_", "sign_margin_", "axis_error_"]
    for name in names + ["sign_error_"] * (model.sign == "moment"):
        assert (getattr(model, name) >= 0).all(), name  # and not NaN


def spectrum_by_numpy(cloud):
    """Root mean squares along the principal axes."""
    centered = cloud - cloud.mean(axis=0)
    return np.linalg.svd(centered, compute_uv=False) / np.sqrt(len(cloud))


# One cloud.


@every_dimension
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_cloud_alone_a_batch_of_it_a_list_and_a_row_have_the_same_points(rng, n_dims, dtype):
    cloud = lopsided(rng, 1, n_dims=n_dims)[0].astype(dtype)
    alone = TinvMDS().fit_transform(cloud)
    row = TinvMDS(point_dim=n_dims).fit_transform(cloud.reshape(1, -1))
    assert alone.dtype == row.dtype == dtype
    for others in (TinvMDS().fit_transform(cloud[None]), TinvMDS().fit_transform([cloud])):
        assert_allclose(others[0], alone, atol=TOLERANCE[dtype])
    assert_allclose(row.reshape(cloud.shape), alone, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_components", [None, 2])
@pytest.mark.parametrize("scale", ["max_eig", "trace", None])
def test_the_frame_of_one_cloud(rng, n_components, scale):
    cloud, new = lopsided(rng, 2)
    model = TinvMDS(n_components, scale=scale).fit(cloud)
    k = n_components or 3
    assert model.n_components_ == k
    assert_allclose(model.mean_, cloud.mean(axis=0))
    assert_allclose(model.components_ @ model.components_.T, np.eye(k), atol=1e-12)
    assert_allclose(model.eigenvalues_, spectrum_by_numpy(cloud)[:k] ** 2)
    covariance = np.cov(cloud.T, bias=True)
    assert_allclose(model.components_ @ covariance, model.eigenvalues_[:, None] * model.components_)
    lengths = {
        "max_eig": np.sqrt(model.eigenvalues_[0]),
        "trace": np.sqrt(np.trace(covariance)),
        None: 1.0,
    }
    assert model.scale_ == pytest.approx(lengths[scale])
    placed = (new - model.mean_) @ model.components_.T / model.scale_
    assert_allclose(model.transform(new), placed, rtol=1e-12)
    fresh = clone(model)
    assert_array_equal(fresh.fit_transform(cloud), model.transform(cloud))


@pytest.mark.parametrize("n_components", [None, 2])
def test_inverse_transform_is_the_nearest_point_in_the_subspace(rng, n_components):
    cloud, new = lopsided(rng, 2)
    model = TinvMDS(n_components).fit(cloud)
    coordinates = model.transform(new)
    back = model.inverse_transform(coordinates)
    if n_components is None:
        assert_allclose(back, new, atol=1e-12)
    assert_allclose((back - new) @ model.components_.T, 0, atol=1e-12)
    assert_allclose(model.transform(back), coordinates, atol=1e-12)
    assert model.inverse_transform(coordinates.astype(np.float32)).dtype == np.float32


@every_dimension
def test_new_points_move_along_with_their_cloud(rng, n_dims):
    cloud, new = lopsided(rng, 2, n_dims=n_dims)
    both = np.concatenate([cloud, new])
    expected = TinvMDS().fit(cloud).transform(new)
    for seed in range(20):
        moved = moved_clouds([both], reflect=True, max_scale=1e3, random_state=seed)[0]
        model = TinvMDS().fit(moved[:40])
        assert_allclose(model.transform(moved[40:]), expected, atol=1e-11)


def test_up_to_signs_the_points_are_those_of_pca_and_of_classical_scaling(rng):
    cloud = lopsided(rng, 1)[0]
    points = TinvMDS(scale=None).fit_transform(cloud)
    for peer in (PCA(), ClassicalMDS(n_components=3)):
        assert_allclose(np.abs(points), np.abs(peer.fit_transform(cloud)), atol=1e-8)


def test_distances_are_kept_up_to_one_factor(rng):
    clouds = ragged(rng)
    kept = TinvMDS(scale=None).fit_transform(clouds)
    scaled = TinvMDS(scale="trace").fit_transform(clouds)
    for cloud, one, other in zip(clouds[:-1], kept, scaled, strict=False):
        lengths = pairwise_distances(cloud)
        radius = np.sqrt(np.square(cloud - cloud.mean(axis=0)).sum(axis=1).mean())
        assert_allclose(pairwise_distances(one), lengths, atol=1e-12)
        assert_allclose(pairwise_distances(other) * radius, lengths, atol=1e-12)


def test_what_becomes_one(rng):
    clouds = 7.0 * lopsided(rng)
    by_axis, by_radius = (
        TinvMDS(scale=scale).fit_transform(clouds) for scale in ("max_eig", "trace")
    )
    assert_allclose(np.sqrt(np.square(by_axis[..., 0]).mean(axis=1)), 1.0)
    assert_allclose(np.sqrt(np.square(by_radius).sum(axis=2).mean(axis=1)), 1.0)


def test_gaps_and_margins_are_those_of_the_coordinates(rng):
    clouds = lopsided(rng)
    model = TinvMDS(2).fit(clouds)
    spectra = np.array([spectrum_by_numpy(cloud) for cloud in clouds]) ** 2
    assert_allclose(model.eigen_gap_, 1 - spectra[:, 1:] / spectra[:, :2], rtol=1e-10)
    cubes = model.transform(clouds) ** 3
    assert_allclose(model.sign_margin_, cubes.sum(axis=1) / np.abs(cubes).sum(axis=1), rtol=1e-9)
    for name in ("eigen_gap_", "sign_margin_"):
        alone = [getattr(TinvMDS(2).fit(cloud), name) for cloud in clouds]
        assert_allclose(alone, getattr(model, name), rtol=1e-9)


# What must not matter.


@every_output
@every_dimension
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_motion_changes_a_batch(rng, output, n_dims, dtype):
    clouds = lopsided(rng, 20, n_dims=n_dims).astype(dtype)
    model = TinvMDS(output=output, random_state=0)
    expected = model.fit_transform(clouds)
    for seed in range(3):
        moved = moved_clouds(clouds, reflect=True, max_scale=1e3, random_state=seed)
        assert_allclose(model.transform(moved), expected, atol=5 * TOLERANCE[dtype])
        assert_allclose(model.fit_transform(moved), expected, atol=5 * TOLERANCE[dtype])


@every_output
def test_no_motion_changes_clouds_of_a_list(rng, output):
    clouds = ragged(rng)
    model = TinvMDS(output=output, random_state=0)
    moved = moved_clouds(clouds, reflect=True, max_scale=1e3, random_state=1)
    assert_same_clouds(model.fit_transform(moved), model.fit_transform(clouds), atol=5e-12)


@every_output
def test_points_may_come_in_any_order(rng, output):
    clouds = lopsided(rng)
    order = rng.permutation(clouds.shape[1])
    model = TinvMDS(output=output, random_state=0)
    expected, found = model.fit_transform(clouds), model.fit_transform(clouds[:, order])
    axis = {"points": 1, "frames": 2}.get(output)
    expected = expected if axis is None else np.take(expected, order, axis=axis)
    assert_allclose(found, expected, atol=1e-12)


@every_output
@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
def test_a_list_is_its_clouds_one_by_one(rng, output, metric):
    clouds = ragged(rng, sizes=(40, 7, 25, 8, 60, 40, 5))
    if metric == "precomputed":
        clouds = [pairwise_distances(cloud) for cloud in clouds]
    model = TinvMDS(3, metric=metric, output=output, random_state=0)
    together = model.fit_transform(clouds)
    gaps, margins = model.eigen_gap_, model.sign_margin_
    one_by_one = [model.fit_transform([cloud])[0] for cloud in clouds]
    assert_same_clouds(together, one_by_one, atol=1e-12)
    alone = [clone(model).fit(cloud[None]) for cloud in clouds]
    assert_allclose(gaps, [each.eigen_gap_[0] for each in alone], atol=1e-10)
    assert_allclose(margins, [each.sign_margin_[0] for each in alone], atol=1e-10)
    if output in ("points", "frames"):
        assert isinstance(together, list)
        assert all(each.base is None for each in together)  # no view that keeps padding alive


@every_output
@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_batch_size_never_matters(rng, output, batch_size):
    for clouds in (lopsided(rng, 7), ragged(rng)):
        model = TinvMDS(output=output, random_state=0)
        expected = model.fit_transform(clouds)
        model.set_params(batch_size=batch_size)
        assert_same_clouds(model.fit_transform(clouds), expected, atol=1e-12)
        assert_same_clouds(model.transform(clouds), expected, atol=1e-12)


def test_clouds_do_not_know_their_company(rng):
    clouds = ragged(rng)
    model = TinvMDS().fit(clouds[:2])
    alone = [model.transform([cloud])[0] for cloud in clouds]
    assert_same_clouds(model.transform(clouds), alone, atol=1e-12)


@pytest.mark.parametrize("output", ["points", "frames", "features"])
def test_mirror_images(rng, output):
    clouds = list(lopsided(rng, 500, 12))
    images = moved_clouds(mirrored(clouds), random_state=0)
    turned = moved_clouds(clouds, random_state=1)
    for chiral in (False, True):
        model = TinvMDS(chiral=chiral, output=output, random_state=0)
        own, of_turned, of_images = (
            np.array(model.fit_transform(each)) for each in (clouds, turned, images)
        )
        assert_allclose(of_turned, own, atol=1e-11)
        differences = np.abs(of_images - own).reshape(500, -1).max(axis=1)
        if chiral:
            assert differences.min() > 1e-4
        else:
            assert differences.max() < 1e-11


# Outputs.


@pytest.mark.parametrize("chiral", [False, True])
def test_the_first_frame_is_canonical_and_the_others_differ_by_signs(rng, chiral):
    clouds = lopsided(rng)
    frames = TinvMDS(chiral=chiral, output="frames").fit_transform(clouds)
    points = TinvMDS(chiral=chiral).fit_transform(clouds)
    assert frames.shape == (6, 4 if chiral else 8, 40, 3)
    assert_array_equal(frames[:, 0], points)
    signs = frames[:, :, 0] / points[:, None, 0]
    assert_allclose(np.abs(signs), 1.0)
    assert len(np.unique(signs.round(), axis=1)[0]) == frames.shape[1]
    if chiral:
        assert_allclose(signs.prod(axis=-1), 1.0)


@pytest.mark.filterwarnings("ignore::skmanifold.exceptions.DegenerateFrameWarning")
def test_frames_of_a_cloud_without_signs_are_those_of_its_image(rng):
    half = lopsided(rng, 1, 6)[0]
    # The mirror images across all coordinate planes: no sign can be told.
    box = np.concatenate([half * flips for flips in CORNERS])
    image = moved_clouds([box], reflect=True, random_state=0)[0]
    first, second = TinvMDS(output="frames").fit_transform(np.stack([box, image]))
    gaps = np.abs(first[:, None] - second).max(axis=(2, 3))
    assert_allclose(gaps.min(axis=0), 0, atol=1e-12)
    assert_allclose(gaps.min(axis=1), 0, atol=1e-12)


def test_the_spectrum_does_not_count_points(rng):
    clouds = lopsided(rng)
    expected = np.array([spectrum_by_numpy(cloud) for cloud in clouds])
    for scale, size in (
        (None, np.ones(6)),
        ("max_eig", expected[:, 0]),
        ("trace", np.linalg.norm(expected, axis=1)),
    ):
        model = TinvMDS(output="spectrum", scale=scale)
        assert_allclose(model.fit_transform(clouds), expected / size[:, None])
        thrice = np.tile(clouds, (1, 3, 1))
        assert_allclose(model.transform(thrice), expected / size[:, None])


@pytest.mark.parametrize("sign", ["moment", "maxabs"])
def test_sign_rules_say_what_is_positive(rng, sign):
    points = TinvMDS(sign=sign).fit_transform(lopsided(rng, 50))
    if sign == "moment":
        assert ((points**3).sum(axis=1) > 0).all()
    else:
        assert_array_equal(points.max(axis=1), np.abs(points).max(axis=1))


def test_features_of_mirror_images_differ_by_signs_of_the_last_ones(rng):
    clouds = lopsided(rng)
    model = TinvMDS(output="features", chiral=True, random_state=0)
    own, image = model.fit_transform(clouds), model.fit_transform(np.array(mirrored(clouds)))
    plain = clone(model).set_params(chiral=False).fit_transform(clouds)
    n_plain = plain.shape[1]
    assert own.shape[1] > n_plain
    assert_allclose(own[:, :n_plain], plain, atol=1e-12)
    assert_allclose(image[:, :n_plain], plain, atol=1e-12)
    assert_allclose(image[:, n_plain:], -own[:, n_plain:], atol=1e-12)


def test_without_a_scale_the_last_feature_is_the_size(rng):
    clouds = lopsided(rng)
    model = TinvMDS(output="features", scale=None, random_state=0)
    own, large = model.fit_transform(clouds), model.fit_transform(5.0 * clouds)
    assert_allclose(large[:, :-1], own[:, :-1], atol=1e-12)
    assert_allclose(large[:, -1], 5.0 * own[:, -1])
    radius = [np.linalg.norm(spectrum_by_numpy(cloud)) for cloud in clouds]
    assert_allclose(own[:, -1], radius)
    for scale in ("max_eig", "trace"):
        scaled = clone(model).set_params(scale=scale).fit_transform(clouds)
        assert_allclose(scaled, own[:, :-1], atol=1e-12)


def test_the_seed_draws_the_features_at_the_fit(rng):
    clouds = lopsided(rng)
    first, second, other = (TinvMDS(output="features", random_state=seed) for seed in (0, 0, 1))
    expected = first.fit_transform(clouds)
    assert_array_equal(second.fit(clouds[:1]).transform(clouds), expected)
    assert np.abs(other.fit_transform(clouds) - expected).max() > 0.01


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-8, 1e-12, 1e-15])
def test_features_do_not_jump_where_axes_tie(rng, gap):
    cloud = lopsided(rng, 1)[0]
    white, _ = np.linalg.qr(cloud - cloud.mean(axis=0))  # the same extent in all directions
    first, second = white * [1 + gap, 1, 0.5], white * [1, 1 + gap, 0.5]
    model = TinvMDS(output="features", random_state=0)
    one, other = model.fit_transform(np.stack([first, second]))
    assert np.abs(one - other).max() <= 20 * gap + 1e-13
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateFrameWarning)
        frames = TinvMDS().fit_transform(np.stack([first, second]))
    assert np.abs(frames[0] - frames[1]).max() > 0.1  # no frame does as well


# Distances.


def test_distances_say_what_coordinates_say(rng):
    clouds = lopsided(rng)
    distances = np.array([pairwise_distances(cloud) for cloud in clouds])
    for output in OUTPUTS:
        model = TinvMDS(3, output=output, random_state=0)
        expected = model.fit_transform(clouds)
        model.set_params(metric="precomputed")
        assert_allclose(model.fit_transform(distances), expected, atol=1e-8)
        assert_allclose(model.negative_energy_, 0, atol=1e-12)


@pytest.mark.parametrize("scale", ["max_eig", None])
def test_new_points_are_placed_by_their_distances(rng, scale):
    cloud, new = lopsided(rng, 2)
    expected = TinvMDS(scale=scale).fit(cloud).transform(new)
    model = TinvMDS(3, scale=scale, metric="precomputed").fit(pairwise_distances(cloud))
    assert_allclose(model.transform(pairwise_distances(new, cloud)), expected, atol=1e-10)
    assert_allclose(
        model.transform(pairwise_distances(cloud)),
        clone(model).fit_transform(pairwise_distances(cloud)),
        atol=1e-12,
    )


@pytest.mark.filterwarnings("ignore::skmanifold.exceptions.DegenerateFrameWarning")
def test_negative_energy_is_the_share_that_no_coordinates_show():
    # Hops between the leaves of a star and its centre embed in no Euclidean space.
    star = 2.0 * (1 - np.eye(5))
    star[0, 1:] = star[1:, 0] = 1
    centering = np.eye(5) - 0.2
    values = np.linalg.eigvalsh(-centering @ star**2 @ centering / 2)
    share = -values[values < 0].sum() / np.abs(values).sum()
    assert share > 0.01
    assert TinvMDS(metric="precomputed").fit(star).negative_energy_ == pytest.approx(share)
    batch = TinvMDS(metric="precomputed").fit(np.stack([star, 3 * star]))
    assert_allclose(batch.negative_energy_, share)


# Clouds that have no frame, and clouds that have little.

CORNERS = np.array(list(np.ndindex(2, 2, 2))) * 2.0 - 1
TURNS = np.linspace(0, 2 * np.pi, 12, endpoint=False)
RING = np.column_stack([np.cos(TURNS), np.sin(TURNS), np.zeros(12)])
GOLDEN = (1 + 5**0.5) / 2
SPHERE = np.array(
    [np.roll([0, a, b * GOLDEN], turn) for turn in range(3) for a in (1, -1) for b in (1, -1)]
)
RNG = np.random.default_rng(5)
LINE = np.outer(RNG.exponential(size=20), [1.0, 2.0, -1.0])
PLANE = RNG.exponential(size=(20, 2)) @ np.array([[1.0, 0.5, 0.2], [0.3, -1.0, 0.4]])
NO_FRAME = {
    "cube": CORNERS,
    "box": CORNERS * [3, 2, 1],
    "ring": RING,
    "sphere": SPHERE,
    "pair": CORNERS[:2],
    "square": CORNERS[:4],
}
FRAME = {
    "line": LINE,
    "plane": PLANE,
    "one point": np.array([[3.0, -1.0, 2.0]]),
    "one place": np.repeat([[0.1, 0.7, 1e6]], 7, axis=0),
    "duplicates": np.repeat(RNG.exponential(size=(6, 3)) * [1, 0.5, 0.2], 3, axis=0),
    "few points": RNG.exponential(size=(3, 5)),
}
RANKS = {"line": 1, "plane": 2, "one point": 0, "one place": 0, "duplicates": 3, "few points": 2}
every_symmetric = pytest.mark.parametrize("cloud", NO_FRAME.values(), ids=NO_FRAME)
every_flat = pytest.mark.parametrize("name", FRAME)


@every_symmetric
def test_symmetric_clouds_warn(cloud):
    for model, X in ((TinvMDS(), cloud), (TinvMDS(), cloud[None]), (TinvMDS(), [LINE, cloud])):
        with pytest.warns(DegenerateFrameWarning, match="1 of .* have no canonical frame"):
            model.fit(X)
        with pytest.warns(DegenerateFrameWarning, match="1 of .* have no canonical frame"):
            points = clone(model).fit_transform(X)
        assert not np.isnan(np.concatenate(list(points))).any()
        gap, margin = (np.atleast_2d(each)[-1] for each in (model.eigen_gap_, model.sign_margin_))
        assert 0 in gap or 0 in margin


@pytest.mark.parametrize("output", ["spectrum", "features"])
@pytest.mark.parametrize("chiral", [False, True])
@every_symmetric
def test_symmetric_clouds_have_features(cloud, output, chiral):
    moved = moved_clouds([cloud] * 20, reflect=True, max_scale=1e3, random_state=0)
    found = TinvMDS(output=output, chiral=chiral, random_state=0).fit_transform([cloud, *moved])
    assert np.isfinite(found).all()
    assert_allclose(np.abs(found), np.broadcast_to(np.abs(found[0]), found.shape), atol=1e-10)


@pytest.mark.parametrize("scale", ["max_eig", "trace", None])
@every_flat
def test_clouds_of_low_rank_have_a_frame_and_columns_of_zeros(name, scale):
    cloud, rank = FRAME[name], RANKS[name]
    n_dims = cloud.shape[1]
    for moved in moved_clouds([cloud] * 5, max_scale=1e3, random_state=0):
        for points in (
            TinvMDS(n_dims, scale=scale).fit_transform(moved),
            TinvMDS(scale=scale).fit_transform(moved[None])[0],
        ):
            assert np.isfinite(points).all()
            assert_array_equal(points[:, rank:], 0)
            assert (np.abs(points[:, :rank]).max(axis=0) > 0).all()


@every_output
@every_flat
def test_clouds_of_low_rank_are_invariant(name, output):
    cloud = FRAME[name]
    model = TinvMDS(output=output, random_state=0)
    clouds = [cloud, *moved_clouds([cloud] * 10, reflect=True, max_scale=1e3, random_state=0)]
    found = np.array(model.fit_transform(clouds))
    assert_allclose(found, np.broadcast_to(found[0], found.shape), atol=1e-8)


@every_output
@pytest.mark.parametrize("sign", ["moment", "maxabs", "none"])
@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.filterwarnings("ignore::skmanifold.exceptions.DegenerateFrameWarning")
def test_never_nan(output, sign, chiral):
    clouds = [cloud for cloud in (NO_FRAME | FRAME).values() if cloud.shape[1] == 3]
    for scale in ("max_eig", "trace", None):
        model = TinvMDS(output=output, sign=sign, chiral=chiral, scale=scale)
        assert all(np.isfinite(each).all() for each in model.fit_transform(clouds))
        assert_certainty_is_told(model)


@every_output
@pytest.mark.filterwarnings("ignore::skmanifold.exceptions.DegenerateFrameWarning")
def test_never_nan_from_distances(output):
    clouds = [pairwise_distances(cloud) for cloud in (NO_FRAME | FRAME).values()]
    model = TinvMDS(3, metric="precomputed", output=output)
    assert all(np.isfinite(each).all() for each in model.fit_transform(clouds))
    assert np.isfinite(model.negative_energy_).all()
    assert_certainty_is_told(model)
    for cloud in clouds:
        assert np.isfinite(model.transform([cloud])[0]).all()
        assert_certainty_is_told(clone(model).fit([cloud, clouds[0]]))


@every_flat
def test_distances_of_clouds_with_a_frame_do_not_warn(name):
    distances = pairwise_distances(FRAME[name])
    model = TinvMDS(metric="precomputed")
    points = model.fit_transform(distances)
    assert_certainty_is_told(model)
    assert_array_equal(points[:, max(RANKS[name], 1) :], 0)


@pytest.mark.parametrize("name", ["fit", "fit_transform", "transform"])
@pytest.mark.parametrize("batch", [False, True])
def test_warnings_point_at_the_line_of_the_user(name, batch):
    if not batch and name == "transform":
        pytest.skip("the frame of one cloud is found by the fit")
    X = CORNERS[None] if batch else CORNERS
    model = TinvMDS().fit([LINE]) if name == "transform" else TinvMDS()
    with pytest.warns(DegenerateFrameWarning) as caught:
        getattr(model, name)(X)
    assert [each.filename for each in caught] == [__file__]


# Machines.


@pytest.mark.gpu
@every_output
@pytest.mark.parametrize("metric", ["euclidean", "precomputed"])
def test_the_gpu_says_what_the_processor_says(rng, output, metric):
    clouds = ragged(rng, sizes=(40, 7, 25, 60))
    if metric == "precomputed":
        clouds = [pairwise_distances(cloud) for cloud in clouds]
    on_cpu, on_gpu = (
        TinvMDS(3, metric=metric, output=output, device=device, random_state=0)
        for device in ("cpu", "cuda")
    )
    atol = 1e-10 if metric == "euclidean" else 1e-7
    assert_same_clouds(on_gpu.fit_transform(clouds), on_cpu.fit_transform(clouds), atol=atol)
    for name in ("eigen_gap_", "sign_margin_"):
        assert_allclose(getattr(on_gpu, name), getattr(on_cpu, name), atol=1e-7)
    if metric == "euclidean":
        batch = lopsided(rng)
        assert_allclose(on_gpu.fit_transform(batch), on_cpu.fit_transform(batch), atol=1e-10)


@pytest.mark.gpu
def test_the_frame_of_one_cloud_from_the_gpu(rng):
    cloud, new = lopsided(rng, 2)
    on_cpu, on_gpu = (TinvMDS(device=device).fit(cloud) for device in ("cpu", "cuda"))
    assert_allclose(on_gpu.transform(new), on_cpu.transform(new), atol=1e-10)
    assert isinstance(on_gpu.components_, np.ndarray)
