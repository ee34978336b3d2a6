import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist
from sklearn.manifold import ClassicalMDS
from torch.autograd import grad, gradcheck, gradgradcheck

from skmanifold.frames import Rules, canonical_clouds, tinv_mds
from tests.frames.known_clouds import (
    all_signs,
    clear_cloud,
    degenerate_clouds,
    moved,
    orthogonal,
    random_clouds,
    same_set,
    sign_groups,
    symmetrised,
    tensor,
)

DEGENERATE = degenerate_clouds()
SCALES = ["max_eig", "trace", None]
GROUPS = [(n_axes, group) for n_axes in (1, 2, 3, 4) for group in sign_groups(n_axes)]


def variances(clouds):
    """Variances along the principal axes, largest first, of shape (n_clouds, n_dims)."""
    centered = clouds - clouds.mean(axis=1, keepdims=True)
    return np.linalg.svd(centered, compute_uv=False) ** 2 / clouds.shape[1]


def relative_gaps(clouds):
    """The smallest gap between variances, and from the last to 0, relative to the largest."""
    found = variances(clouds)
    return np.min(-np.diff(found, axis=1, append=0), axis=1) / found[:, 0]


def distances(points):
    """Squared distances between all points, of shape (..., n_points, n_points)."""
    return (points[..., :, None, :] - points[..., None, :, :]).square().sum(-1)


# Invariance


@pytest.mark.parametrize("options", [{}, {"scale": "trace"}, {"sign": "maxabs"}], ids=str)
@pytest.mark.parametrize("n_dims", range(1, 7))
def test_no_motion_scale_or_order_matters(rng, n_dims, options):
    clouds = random_clouds(rng, 400, 12, n_dims)
    order = rng.permutation(12)
    factors = 10 ** rng.uniform(-3, 3, size=(400, 1, 1))
    shifts = rng.normal(size=(400, 1, n_dims))
    images = factors * (clouds[:, order] @ orthogonal(rng, n_dims, 400) + shifts)
    gaps = relative_gaps(clouds)
    for dtype, clear, precision in [(torch.float64, 0.01, 1e-12), (torch.float32, 0.03, 2e-5)]:
        expected = tinv_mds(torch.tensor(clouds[:, order], dtype=dtype), **options)
        found = tinv_mds(torch.tensor(images, dtype=dtype), **options)
        assert found.dtype == dtype
        errors = (found - expected).abs().amax((1, 2)).numpy()
        # Rounding turns axes by its size over the gap.
        assert np.max(errors * gaps) <= 64 * torch.finfo(dtype).eps
        assert (gaps > clear).mean() > 0.5
        assert errors[gaps > clear].max() <= precision


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("factor", [1e150, 1e-150, 2.0**900, 2.0**-900])
def test_any_magnitude(rng, scale, factor):
    clouds = random_clouds(rng, 20, 10, 3)
    found = tinv_mds(tensor(clouds * factor), scale=scale)
    expected = tinv_mds(tensor(clouds), scale=scale) * (factor if scale is None else 1.0)
    unit = factor if scale is None else 1.0
    assert_allclose(found / unit, expected / unit, atol=1e-12)
    if np.log2(factor) % 1 == 0:
        assert_array_equal(found, expected)


@pytest.mark.parametrize(("n_axes", "group"), GROUPS)
def test_symmetric_clouds_are_the_same_set_from_every_side(rng, n_axes, group):
    """Signs that a symmetry leaves open do not change the set of points."""
    flips = all_signs(n_axes)
    seen = [axes for axes in flips if 0 < np.sum(axes < 0) <= 3 and _leaves_alone(group, axes)]
    points = symmetrised(rng.gamma(2.0, size=(5, n_axes)) * 2.0 ** np.arange(n_axes), group)
    sides = tensor(points * flips[:, None])
    clouds = canonical_clouds(sides, None, Rules(n_axes))
    assert (clouds.layout.unsigned == (len(group) > 1)).all()  # one sign is open, needed or not
    undecided = (clouds.layout.margins == 0).sum(-1)
    sets = clouds.coordinates.mT.numpy()
    if 2 ** _rank(seen) * len(group) == len(flips):  # moments of three axes show all there is
        assert_array_equal(2**undecided, len(group))
        assert all(same_set(each, sets[0], 1e-10) for each in sets)
    else:  # only in four dimensions and more, and then it is told
        assert n_axes > 3
        assert (2**undecided > len(group)).all()


def _leaves_alone(group, axes):
    """Whether every flip of the group turns an even number of these axes."""
    return (group[:, axes < 0].prod(1) == 1).all()


def _rank(sets):
    """Dimension of the span over the field of two elements."""
    rows, rank = [int("".join("01"[int(s < 0)] for s in axes), 2) for axes in sets], 0
    while rows:
        pivot = max(rows)
        if pivot == 0:
            break
        rows = [min(row, row ^ pivot) for row in rows if row != pivot]
        rank += 1
    return rank


@pytest.mark.parametrize(("n_axes", "group"), [case for case in GROUPS if case[0] <= 3])
def test_chiral_clouds_differ_from_their_mirror_images_only(rng, n_axes, group):
    """Turns never matter; mirrors do, unless a mirror is among the symmetries."""
    flips = all_signs(n_axes)
    points = symmetrised(rng.gamma(2.0, size=(5, n_axes)) * 2.0 ** np.arange(n_axes), group)
    sets = tinv_mds(tensor(points * flips[:, None]), chiral=True).numpy()
    achiral = (group.prod(1) < 0).any()
    for each, flip in zip(sets, flips, strict=True):
        assert same_set(each, sets[0], 1e-10) == (achiral or flip.prod() > 0)


@pytest.mark.parametrize("n_dims", [1, 2, 3, 5])
def test_chirality(rng, n_dims):
    clouds = random_clouds(rng, 300, 20, n_dims)
    turned = tensor(clouds @ orthogonal(rng, n_dims, 300, proper=True))
    mirror = turned * tensor([-1.0] + [1.0] * (n_dims - 1))
    both = tinv_mds(turned), tinv_mds(mirror)
    assert_allclose(*both, atol=1e-10)
    expected, found = tinv_mds(tensor(clouds), chiral=True), tinv_mds(mirror, chiral=True)
    assert_allclose(tinv_mds(turned, chiral=True), expected, atol=1e-10)
    assert (found - expected).abs().amax((1, 2)).min() > 1e-2
    # They are mirror images across the last axis.
    assert_allclose(found[..., :-1], expected[..., :-1], atol=1e-10)
    assert_allclose(found[..., -1], -expected[..., -1], atol=1e-10)


def test_chiral_frames_are_right_handed(rng):
    for cloud in random_clouds(rng, 20, 12, 3):
        y = tinv_mds(tensor(cloud), chiral=True).numpy()
        turn = np.linalg.lstsq(cloud - cloud.mean(axis=0), y, rcond=None)[0]
        assert np.linalg.det(turn) > 0


@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize(("n_axes", "group"), [case for case in GROUPS if case[0] <= 3])
def test_flat_clouds_are_what_they_are_in_fewer_dimensions(rng, n_axes, group, chiral):
    """Rounding across a flat cloud decides no signs; and it turns into its own mirror image."""
    flat = symmetrised(rng.gamma(2.0, size=(5, n_axes)) * 2.0 ** np.arange(n_axes), group)
    expected = canonical_clouds(tensor(flat)[None], None, Rules(n_axes))
    for extra in (1, 1, 1, 2, 3):
        cloud = moved(rng, np.pad(flat, [(0, 0), (0, extra)]))
        found = canonical_clouds(tensor(cloud)[None], None, Rules(n_axes + extra, chiral=chiral))
        y, wanted = (each.coordinates[0].T.numpy() for each in (found, expected))
        assert_array_equal(y[:, n_axes:], 0)
        assert same_set(y[:, :n_axes], wanted, 1e-10)
        assert found.layout.unsigned == expected.layout.unsigned
        assert_allclose(found.layout.margins[0, :n_axes], expected.layout.margins[0], atol=1e-10)


# Coordinates


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", [(12, 1), (12, 3), (12, 6), (4, 9)])
def test_distances_are_kept_up_to_one_factor(rng, shape, scale):
    clouds = random_clouds(rng, 50, *shape)
    found = canonical_clouds(tensor(clouds), None, Rules(shape[1], scale=scale))
    for before, after, size in zip(clouds, found.coordinates.mT, found.size, strict=True):
        assert_allclose(pdist(after) * size.item(), pdist(before), rtol=1e-12)
    if scale is None:
        assert_array_equal(found.size, 1)


@pytest.mark.parametrize("n_dims", [1, 3])
def test_length_that_becomes_one(rng, n_dims):
    x = tensor(random_clouds(rng, 50, 12, n_dims))
    first_axis = tinv_mds(x)[..., 0]
    assert_allclose(first_axis.square().mean(-1), 1)
    assert_allclose(tinv_mds(x, scale="trace").square().sum(-1).mean(-1), 1)
    for scale in SCALES:
        found = canonical_clouds(x, None, Rules(n_dims, scale=scale))
        assert_allclose(found.layout.spreads, found.coordinates.square().mean(-1).sqrt())
    spread = tinv_mds(x, scale=None).square().mean(-2)
    assert_allclose(spread, variances(x.numpy()))


@pytest.mark.parametrize("n_dims", [1, 2, 3, 5])
def test_agrees_with_classical_mds_of_sklearn(rng, n_dims):
    for cloud in random_clouds(rng, 5, 40, n_dims):
        expected = ClassicalMDS(n_components=n_dims).fit_transform(cloud)
        found = tinv_mds(tensor(cloud), scale=None).numpy()
        signs = np.sign((found * expected).sum(axis=0))
        assert_allclose(found, expected * signs, atol=1e-8)


def test_coordinates_are_centered_and_uncorrelated(rng):
    y = tinv_mds(tensor(random_clouds(rng, 100, 15, 4)))
    assert_allclose(y.mean(1), 0, atol=1e-14)
    products = y.mT @ y / 15
    assert_allclose(products, torch.diag_embed(products.diagonal(dim1=1, dim2=2)), atol=1e-13)


@pytest.mark.parametrize("scale", SCALES)
def test_fewer_components_are_the_first_of_all(rng, scale):
    x = tensor(random_clouds(rng, 20, 12, 4))
    every = tinv_mds(x, scale=scale)
    assert_allclose(tinv_mds(x, scale=scale, n_components=2), every[..., :2], atol=1e-13)
    with pytest.raises(ValueError, match="n_components=6 must be from 1 to the 4 dimensions"):
        tinv_mds(x, scale=scale, n_components=6)


@pytest.mark.parametrize("n_dims", [5, 40, 300])
def test_clouds_of_few_points_in_many_dimensions(rng, n_dims):
    narrow = clear_cloud(rng, 5, 4)
    wide = narrow @ orthogonal(rng, n_dims)[:4] + rng.normal(size=n_dims)
    y = tinv_mds(tensor(wide))
    assert y.shape == (5, n_dims)
    assert_allclose(y[:, :4], tinv_mds(tensor(narrow)), atol=1e-12)
    assert_array_equal(y[:, 4:], 0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("ratio", [1.0, 1e-2, 1e-4, 1e-8, 1e-10])
def test_flat_clouds_have_exact_zeros(rng, ratio, dtype):
    """Also where a plane is nearly a line, so that its second axis is not far above rounding."""
    visible = ratio > 100 * torch.finfo(dtype).eps
    for _ in range(20):
        plane = clear_cloud(rng, 20, 2) @ np.diag([1, ratio])
        space = torch.tensor(plane @ orthogonal(rng, 2, 1)[0] @ orthogonal(rng, 4)[:2], dtype=dtype)
        y = tinv_mds(space)
        assert_array_equal(y[:, 2:], 0)
        if visible:
            extent = np.linalg.svd(plane - plane.mean(axis=0), compute_uv=False)
            found = y.to(torch.float64).norm(dim=0)
            assert_allclose(
                found[1] / found[0], extent[1] / extent[0], atol=10 * torch.finfo(dtype).eps
            )
        if dtype == torch.float64:
            assert_allclose(y[:, :2], tinv_mds(tensor(plane)), atol=1e-12)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_clouds_have_finite_coordinates_and_all_their_distances(rng, name, scale):
    cloud = moved(rng, DEGENERATE[name])
    found = canonical_clouds(tensor(cloud)[None], None, Rules(3, scale=scale))
    assert found.coordinates.isfinite().all()
    after = pdist(found.coordinates[0].T) * found.size.item()
    assert_allclose(after, pdist(cloud), atol=1e-12 * np.abs(cloud).max())
    rank = np.linalg.matrix_rank(cloud - cloud.mean(axis=0), tol=1e-12)
    assert_array_equal(found.coordinates[0, rank:], 0)


@pytest.mark.parametrize(
    ("name", "tied", "unsigned"),
    [
        ("cube", True, True),
        ("box", False, True),
        ("square prism", True, True),
        ("ring", True, None),
        ("icosahedron", True, True),
        ("line", False, False),
        ("line along an axis", False, False),
        ("symmetric line", False, True),
        ("plane", False, False),
        ("plane of coordinates", False, False),
        ("duplicates", False, False),
        ("one point", False, False),
        ("one place", False, False),
        ("two points", False, True),
    ],
)
def test_what_is_open_is_told(name, tied, unsigned):
    layout = canonical_clouds(tensor(DEGENERATE[name])[None], None, Rules(3)).layout
    assert layout.tied.item() == tied
    if unsigned is not None:
        assert layout.unsigned.item() == unsigned


# Batches


def padded(rng, clouds, n_rows, filling):
    """Clouds of any numbers of points in one tensor, and its mask; points in random rows."""
    x = torch.full((len(clouds), n_rows, clouds[0].shape[1]), filling, dtype=torch.float64)
    mask = torch.zeros(len(clouds), n_rows, dtype=torch.bool)
    for index, cloud in enumerate(clouds):
        rows = np.sort(rng.choice(n_rows, size=len(cloud), replace=False))
        x[index, rows], mask[index, rows] = tensor(cloud), True
    return x, mask


@pytest.mark.parametrize("filling", [0.0, 1e9, np.nan, np.inf])
@pytest.mark.parametrize("options", [{}, {"chiral": True}, {"scale": None, "sign": "maxabs"}])
@pytest.mark.parametrize("n_dims", [1, 3, 7])
def test_rows_that_fill_up_change_nothing(rng, n_dims, options, filling):
    # Also fewer points than dimensions, and a single one.
    clouds = [random_clouds(rng, 1, n, n_dims)[0] for n in (1, 4, 9, 15)]
    x, mask = padded(rng, clouds, 20, filling)
    y = tinv_mds(x, mask, **options)
    assert_array_equal(y[~mask], 0)
    for index, cloud in enumerate(clouds):
        assert_allclose(y[index, mask[index]], tinv_mds(tensor(cloud), **options), atol=1e-12)


def test_clouds_of_no_points_are_zeros(rng):
    x = tensor(random_clouds(rng, 2, 6, 3))
    mask = torch.tensor([[True] * 6, [False] * 6])
    y = tinv_mds(x, mask)
    assert_array_equal(y[1], 0)
    assert_allclose(y[0], tinv_mds(x[0]), atol=1e-14)


@pytest.mark.parametrize("leading", [(), (1,), (6,), (2, 3), (2, 1, 3), (0,)])
def test_leading_dimensions_are_free(rng, leading):
    clouds = random_clouds(rng, int(np.prod(leading)), 8, 3)
    mask = torch.tensor(rng.uniform(size=(*leading, 8)) < 0.7)
    mask[..., :3] = True
    y = tinv_mds(tensor(clouds).reshape(*leading, 8, 3), n_components=2)
    masked = tinv_mds(tensor(clouds).reshape(*leading, 8, 3), mask, n_components=2)
    assert y.shape == masked.shape == (*leading, 8, 2)
    rows = zip(clouds, y.reshape(-1, 8, 2), strict=True)
    assert all(
        (tinv_mds(tensor(cloud), n_components=2) - row).abs().max() < 1e-13 for cloud, row in rows
    )
    for cloud, keep, row in zip(clouds, mask.reshape(-1, 8), masked.reshape(-1, 8, 2), strict=True):
        assert_allclose(row[keep], tinv_mds(tensor(cloud)[keep], n_components=2), atol=1e-12)


def test_input_is_left_alone(rng):
    x = tensor(random_clouds(rng, 3, 8, 3))
    x[0, 0] = torch.nan
    mask = torch.ones(3, 8, dtype=torch.bool)
    mask[0, 0] = False
    before = x.clone(), mask.clone()
    tinv_mds(x, mask)
    torch.testing.assert_close((x, mask), before, rtol=0, atol=0, equal_nan=True)


# Derivatives


@pytest.mark.parametrize("options", [{}, {"scale": "trace"}, {"scale": None, "chiral": True}])
@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_derivatives(rng, n_dims, options):
    x = tensor(clear_cloud(rng, 5, n_dims) + 1).requires_grad_()
    assert gradcheck(lambda x: tinv_mds(x, **options), x)
    assert gradgradcheck(lambda x: tinv_mds(x, **options), x, atol=1e-4)


def test_derivatives_in_batches_with_a_mask(rng):
    clouds = [clear_cloud(rng, n_points, 2) for n_points in (4, 6)]
    x, mask = padded(rng, clouds, 6, 0.0)
    x = x.requires_grad_()
    assert gradcheck(lambda x: tinv_mds(x, mask), x)
    assert gradgradcheck(lambda x: tinv_mds(x, mask), x, atol=1e-4)


def test_first_derivatives_of_clouds_of_few_points(rng):
    narrow = clear_cloud(rng, 4, 3)
    x = tensor(narrow @ orthogonal(rng, 6)[:3]).requires_grad_()
    assert gradcheck(lambda x: tinv_mds(x, n_components=3), x)


@pytest.mark.parametrize("filling", [0.0, np.nan])
def test_no_gradient_reaches_rows_that_fill_up(rng, filling):
    clouds = [random_clouds(rng, 1, n_points, 3)[0] for n_points in (5, 9)]
    x, mask = padded(rng, clouds, 12, filling)
    (slope,) = grad(tinv_mds(x.requires_grad_(), mask).pow(3).sum(), x)
    assert_array_equal(slope[~mask], 0)
    assert slope.isfinite().all()
    assert slope[mask].abs().max() > 0


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("turned", [False, True])
def test_gradients_stay_finite(rng, name, scale, turned):
    cloud = moved(rng, DEGENERATE[name]) if turned else DEGENERATE[name]
    x = tensor(cloud).requires_grad_()
    y = tinv_mds(x, scale=scale)
    weights = tensor(rng.normal(size=y.shape))
    (first,) = grad((y**3 * weights + y * weights.roll(1)).sum(), x, create_graph=True)
    (second,) = grad((first**2 * weights).sum(), x)
    assert first.isfinite().all()
    assert second.isfinite().all()


@pytest.mark.parametrize("name", [*DEGENERATE, "any", "wide"])
def test_distances_have_their_own_gradients_even_at_ties(rng, name):
    """How the axes turn does not matter to distances: neither do ties."""
    shape = {"any": (8, 3), "wide": (3, 7)}.get(name)
    cloud = DEGENERATE[name] if shape is None else rng.normal(size=shape)
    x = tensor(moved(rng, cloud)).requires_grad_()
    weights = tensor(rng.normal(size=(len(cloud), len(cloud))))
    (found,) = grad((distances(tinv_mds(x, scale=None)) * weights).sum(), x)
    (expected,) = grad((distances(x) * weights).sum(), x)
    assert_allclose(found, expected, atol=1e-10 * max(1.0, np.abs(cloud).max() * 10))


def test_clouds_of_few_axes_do_not_depend_on_others_in_the_batch(rng):
    """Triples of axes decide the signs of the first cloud, and are too many for the second."""
    octant = rng.standard_normal((5, 3)) * [3, 2, 1]
    even = [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    few = np.pad((octant[:, None] * even).reshape(20, 3), ((0, 0), (0, 7)))
    half = rng.standard_normal((10, 10)) * np.arange(10, 0, -1)
    many = np.concatenate([half, -half])
    both = tinv_mds(tensor(np.stack([few, many])))
    assert_array_equal(both[0], tinv_mds(tensor(few)))
    assert_allclose(both[0, :, :3], tinv_mds(tensor(few[:, :3])), atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x": torch.ones(4)}, r"x must be a float tensor of shape .*got .*\(4,\)"),
        ({"x": torch.ones(0, 3)}, r"at least a point, got .*\(0, 3\)"),
        ({"x": torch.ones(4, 3, dtype=torch.int64)}, "float tensor .*got torch.int64"),
        ({"x": torch.full((4, 3), torch.nan)}, "NaN or infinity in 1 of 1 clouds"),
        ({"x": torch.tensor([0.0, torch.inf]).reshape(2, 1, 1)}, "first is number 1"),
        ({"mask": torch.ones(3, 4, dtype=torch.bool)}, r"mask must be .*\(4, 3\).*\(3, 4\)"),
        ({"mask": torch.ones(4, 3)}, "bool tensor .* got torch.float32"),
        ({"scale": "max"}, "scale must be one of .*'max_eig'.* got 'max'"),
        ({"sign": "moments"}, "sign must be one of .*'moment'.* got 'moments'"),
    ],
)
def test_what_is_wrong_is_told(wrong, message):
    with pytest.raises(ValueError, match=message):
        tinv_mds(**{"x": torch.eye(3).expand(4, 3, 3), **wrong})
