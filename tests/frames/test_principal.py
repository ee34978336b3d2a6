import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmanifold.frames._principal import layout_of, principal_axes, total, turned
from tests.frames.known_clouds import all_signs, clear_cloud, orthogonal, random_clouds, tensor


def centered(clouds):
    """Clouds about their means, of shape (n_clouds, n_dims, n_points)."""
    return tensor(clouds - clouds.mean(axis=1, keepdims=True)).mT


def one_block(x):
    return lambda: [x]


def counts(x):
    return torch.full_like(x[:, 0, 0], x.shape[-1])


def lay_out(y, *, n_components=None, noise=1e-15, **options):
    """The layout of clouds given along their principal axes."""
    variances = y.square().mean(-1)
    share = noise / variances.sqrt()
    return layout_of(
        one_block(y), variances, share, n_components=n_components or y.shape[1], **options
    )


@pytest.mark.parametrize("n_dims", [1, 2, 3, 6])
def test_axes_diagonalise_covariances(rng, n_dims):
    x = centered(random_clouds(rng, 50, 20, n_dims))
    variances, axes = principal_axes(one_block(x), counts(x))
    assert (variances.diff(dim=-1) <= 0).all()
    assert_allclose(axes.mT @ axes, torch.eye(n_dims).expand(50, -1, -1), atol=1e-13)
    covariance = x @ x.mT / x.shape[-1]
    assert_allclose(axes.mT @ covariance @ axes, torch.diag_embed(variances), atol=1e-12)


def test_axes_do_not_depend_on_blocks(rng):
    x = centered(random_clouds(rng, 10, 50, 3))
    blocks = torch.split(x, [1, 20, 29], dim=-1)
    found = principal_axes(lambda: blocks, counts(x))
    expected = principal_axes(one_block(x), counts(x))
    assert_allclose(found[0], expected[0], rtol=1e-12)
    assert_allclose((found[1] * expected[1]).sum(1).abs(), 1, rtol=1e-12)


def test_span_of_clouds_of_few_points(rng):
    x = centered(random_clouds(rng, 8, 4, 30))
    variances, axes = principal_axes(one_block(x), counts(x), torch.linalg.qr(x).Q)
    expected, _ = principal_axes(one_block(x), counts(x))
    assert variances.shape == (8, 4)
    assert_allclose(variances, expected[:, :4], atol=1e-12)
    assert_allclose(axes.mT @ axes, torch.eye(4).expand(8, -1, -1), atol=1e-13)
    assert_allclose(axes @ (axes.mT @ x), x, atol=1e-12)


@pytest.mark.parametrize("ratio", [1e-2, 1e-5, 1e-8, 1e-10])
def test_small_extents_next_to_large_ones(rng, ratio):
    """Extents far below the square root of rounding, which eigenvalues alone could not show."""
    flat = clear_cloud(rng, 40, 2)
    flat -= flat.mean(axis=0)
    flat = np.linalg.svd(flat, full_matrices=False)[0] * [1, ratio]
    x = tensor((flat @ orthogonal(rng, 3)[:2])[None]).mT
    _, axes = principal_axes(one_block(x), counts(x))
    extents = (axes.mT @ x).norm(dim=-1)[0]
    assert_allclose(extents[:2], [1, ratio], rtol=1e-12, atol=1e-15)
    assert extents[2] < 1e-15


def test_turned_and_total(rng):
    x = centered(random_clouds(rng, 5, 12, 3))
    axes = tensor(orthogonal(rng, 3, 5))
    blocks = torch.split(x, [5, 7], dim=-1)
    together = torch.cat(list(turned(lambda: blocks, axes)()), dim=-1)
    assert_allclose(together, axes.mT @ x, atol=1e-14)
    found = total(lambda block: block.square().sum(-1), lambda: blocks)
    assert_allclose(found, x.square().sum(-1), rtol=1e-12)


def test_gaps_are_relative_to_the_larger_variance(rng):
    y = centered(random_clouds(rng, 6, 30, 4)) * tensor([[8.0], [4], [2], [1]])
    variances = y.square().mean(-1)
    layout = lay_out(y)
    assert_allclose(layout.spreads.square(), variances)
    assert_allclose(layout.gaps[:, :3], 1 - variances[:, 1:] / variances[:, :3])
    assert_array_equal(layout.gaps[:, 3], 1)  # nothing follows
    assert not layout.tied.any()
    # The gap below the last axis that is kept matters: another one might have been kept.
    assert_allclose(lay_out(y, n_components=2).gaps, layout.gaps[:, :2])


@pytest.mark.parametrize("sign", ["moment", "maxabs", "none"])
def test_absent_axes_leave_nothing_to_decide(rng, sign):
    y = centered(random_clouds(rng, 6, 30, 3)) * tensor([[4.0], [1], [1e-16]])
    layout = lay_out(y, sign=sign)
    assert_array_equal(layout.spreads[:, 2], 0)
    assert_array_equal(layout.signs[:, 2], 0)
    assert (layout.signs[:, :2].abs() == 1).all()
    assert (layout.gaps[:, 2] == torch.inf).all()
    assert (layout.margins[:, 2] == torch.inf).all()
    assert_array_equal(layout.gaps[:, 1], 1)


@pytest.mark.parametrize("sign", ["moment", "maxabs"])
@pytest.mark.parametrize("extent", [0.0, 1e-200, 1e-16])
def test_clouds_without_some_extent_still_have_a_frame(rng, sign, extent):
    y = centered(random_clouds(rng, 6, 30, 3)) * tensor([[4.0], [1], [extent]])
    layout = lay_out(y, sign=sign)
    assert not layout.tied.any()
    assert not layout.unsigned.any()


@pytest.mark.parametrize("noise", [1e-15, 1e-3, 0.3, 1.0, 5.0])
def test_rounding_decides_no_signs(rng, noise):
    """Of symmetric clouds with a third axis that may be rounding, in part or all."""
    half = rng.normal(size=(6, 3, 30))
    y = centered(np.concatenate([half, -half], axis=-1).swapaxes(1, 2))
    extent = 1e-15 / noise
    errors = 1e-16 * tensor(rng.uniform(-1, 1, size=(6, 60)))
    y[:, 2] = y[:, 2] * extent * (noise < 1) + errors
    layout = lay_out(y, noise=1e-15)
    assert layout.unsigned.all()
    assert_array_equal((layout.margins == 0).sum(-1), 1)


def test_ties_up_to_the_tolerance_or_to_rounding(rng):
    y = centered(random_clouds(rng, 1, 30, 2))
    y = y / y.square().mean(-1, keepdim=True).sqrt()
    for gap in (1e-3, 1e-9):
        stretched = y * tensor([[1.0], [(1 - gap) ** 0.5]])
        clear = lay_out(stretched, gap_tol=gap / 2)
        assert_allclose(clear.gaps[:, 0], gap, rtol=1e-5)
        assert not clear.tied.any()
        for told in ({"gap_tol": 2 * gap}, {"gap_tol": gap / 2, "noise": gap}):
            tied = lay_out(stretched, **told)
            assert tied.tied.all()
            assert_array_equal(tied.gaps[:, 0], 0)


def test_signs_make_the_first_odd_moment_positive(rng):
    y = centered(random_clouds(rng, 40, 30, 3))
    layout = lay_out(y)
    cubes = ((y * layout.signs[..., None]) ** 3).sum(-1)
    assert (cubes > 0).all()
    expected = cubes / y.abs().pow(3).sum(-1)
    assert_allclose(layout.margins, expected)


def test_signs_make_the_largest_coordinate_positive(rng):
    y = centered(random_clouds(rng, 40, 30, 3)) * tensor(rng.choice([-1, 1], size=(40, 3, 1)))
    signed = y * lay_out(y, sign="maxabs").signs[..., None]
    assert_array_equal(signed.amax(-1), y.abs().amax(-1))


def test_signs_left_as_they_are(rng):
    layout = lay_out(centered(random_clouds(rng, 5, 30, 3)), sign="none")
    assert_array_equal(layout.signs, 1)
    assert (layout.margins == torch.inf).all()
    assert not layout.unsigned.any()


@pytest.mark.parametrize("sign", ["moment", "maxabs"])
def test_flips_do_not_change_signed_clouds(rng, sign):
    y = centered(random_clouds(rng, 20, 30, 3))
    expected = y * lay_out(y, sign=sign).signs[..., None]
    for flips in tensor(all_signs(3)):
        flipped = y * flips[:, None]
        assert_array_equal(flipped * lay_out(flipped, sign=sign).signs[..., None], expected)


@pytest.mark.parametrize("sign", ["moment", "maxabs", "none"])
def test_signs_have_the_parity_asked_for(rng, sign):
    y = centered(random_clouds(rng, 20, 30, 3))
    parity = tensor(rng.choice([-1, 1], size=20))
    assert_array_equal(lay_out(y, sign=sign, parity=parity).signs.prod(-1), parity)


def test_layout_does_not_depend_on_blocks(rng):
    y = centered(random_clouds(rng, 20, 30, 3))
    y = torch.cat([y, torch.cat([y, -y], dim=-1)[..., ::2]])  # with and without a symmetry
    blocks = torch.split(y, [1, 9, 20], dim=-1)
    variances = y.square().mean(-1)
    for sign in ("moment", "maxabs"):
        found, expected = (
            layout_of(each, variances, 1e-15 / variances, n_components=3, sign=sign)
            for each in (lambda: blocks, one_block(y))
        )
        for name in ("signs", "tied", "unsigned"):
            assert_array_equal(getattr(found, name), getattr(expected, name))
        assert_allclose(found.margins, expected.margins, rtol=1e-9, atol=1e-14)
