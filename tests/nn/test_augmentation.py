import math
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skmanifold.nn._augmentation import (
    compose,
    feature_dropout,
    gaussian_noise,
    random_affine,
    random_erase,
    random_flip,
    random_shift,
)

ROW_STEPS = [gaussian_noise(0.3), feature_dropout(0.4)]
IMAGE_STEPS = [
    gaussian_noise(0.3),
    random_shift(2),
    random_flip(),
    random_erase(0.2),
    random_affine(20, 0.2),
    compose(random_flip(), random_shift(1), random_erase(0.1)),
]
WITHOUT_STRENGTH = [
    gaussian_noise(0.0),
    random_shift(0),
    random_erase(0.0),
    random_affine(0.0, 0.0),
    compose(),
    compose(random_shift(0), gaussian_noise(0)),
]
each = pytest.mark.parametrize("step", ROW_STEPS + IMAGE_STEPS, ids=repr)
each_for_images = pytest.mark.parametrize("step", IMAGE_STEPS, ids=repr)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images_of(n_images=6, n_channels=2, height=9, width=12, dtype=torch.float32):
    return torch.rand(n_images, n_channels, height, width, generator=seeded(9), dtype=dtype)


def batch_for(step, dtype=torch.float32):
    if step in ROW_STEPS:
        return torch.rand(7, 20, generator=seeded(8), dtype=dtype)
    return images_of(dtype=dtype)


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_type_stay_and_the_batch_is_left_alone(step, dtype):
    batch = batch_for(step, dtype)
    before = batch.clone()
    changed = step(batch, seeded())
    assert changed.shape == batch.shape
    assert changed.dtype == dtype
    assert torch.equal(batch, before)
    assert not torch.equal(changed, batch)


@each
def test_the_generator_decides(step):
    batch, state = batch_for(step), torch.get_rng_state()
    assert torch.equal(step(batch, seeded(1)), step(batch, seeded(1)))
    assert not torch.equal(step(batch, seeded(1)), step(batch, seeded(2)))
    generator = seeded(1)
    assert not torch.equal(step(batch, generator), step(batch, generator))
    assert torch.equal(torch.get_rng_state(), state)


@each
def test_steps_can_be_pickled_and_compared(step):
    copy = pickle.loads(pickle.dumps(step))
    assert copy == step
    assert hash(copy) == hash(step)
    batch = batch_for(step)
    assert torch.equal(copy(batch, seeded()), step(batch, seeded()))
    assert eval(repr(step)) == step


@each_for_images
def test_each_image_goes_its_own_way(step):
    copies = images_of(1).expand(30, -1, -1, -1)
    assert len(torch.unique(step(copies, seeded()), dim=0)) > 1


@pytest.mark.parametrize("step", WITHOUT_STRENGTH, ids=repr)
def test_no_strength_changes_nothing(step):
    images = images_of(dtype=torch.float64)
    assert_allclose(step(images, seeded()), images, atol=1e-6)


@each_for_images
def test_plain_images_stay_plain(step):
    """Nothing foreign comes in: no black border and no grey patch."""
    if isinstance(step, gaussian_noise):
        step = compose()
    plain = torch.full((8, 1, 9, 12), 3.0)
    assert_allclose(step(plain, seeded()), plain, rtol=1e-6)


@each_for_images
def test_units_of_the_images_do_not_matter(step):
    if isinstance(step, gaussian_noise):
        step = gaussian_noise(0.0)
    images = images_of(dtype=torch.float64)
    moved = step(5 * images - 3, seeded())
    assert_allclose(moved, 5 * step(images, seeded()) - 3, atol=1e-6)


def test_noise_has_its_scale():
    noise = gaussian_noise(0.3)(torch.full((200, 500), 2.0), seeded()) - 2
    assert_allclose(noise.mean(), 0, atol=5 * 0.3 / math.sqrt(noise.numel()))
    assert_allclose(noise.std(), 0.3, rtol=0.02)


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_dropout_has_its_rate(rate):
    rows = 1 + torch.rand(200, 500, generator=seeded())
    changed = feature_dropout(rate)(rows, seeded(1))
    is_gone = changed == 0
    deviation = math.sqrt(rate * (1 - rate) / rows.numel())
    assert_allclose(is_gone.float().mean(), rate, atol=5 * deviation)
    assert torch.equal(changed[~is_gone], rows[~is_gone])
    # Neither whole rows nor whole columns go.
    assert_allclose(is_gone.float().mean(0), rate, atol=0.2)
    assert_allclose(is_gone.float().mean(1), rate, atol=0.2)


def lit_pixels(images):
    """Row and column (n, 2) of the only pixel that is lit."""
    assert (images.flatten(1).count_nonzero(1) == 1).all()
    _, _, rows, columns = images.nonzero(as_tuple=True)
    return torch.stack([rows, columns], 1)


def test_a_shift_moves_a_pixel():
    images = torch.zeros(2000, 1, 11, 13)
    images[:, :, 5, 6] = 1
    moves = lit_pixels(random_shift(2)(images, seeded())) - torch.tensor([5, 6])
    places, counts = torch.unique(moves, dim=0, return_counts=True)
    assert places.tolist() == [[down, right] for down in range(-2, 3) for right in range(-2, 3)]
    # All 25 moves are equally likely: 80 times each, up to chance.
    assert ((counts - 80).square() / 80).sum() < 60


def test_shifts_reflect_at_the_border():
    images = images_of(600, 2, 5, 6)
    whole = np.pad(images.numpy(), [(0, 0), (0, 0), (3, 3), (3, 3)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(whole, (5, 6), axis=(2, 3))
    shifted = random_shift(3)(images, seeded()).numpy()
    same = (windows == shifted[:, :, None, None]).all((1, 4, 5))
    assert same.any((1, 2)).all()
    assert same.any(0).all()  # every window at least once


def test_half_of_the_images_are_flipped():
    images = images_of(1000)
    flipped = random_flip()(images, seeded())
    is_mirrored = (flipped == images.flip(-1)).flatten(1).all(1)
    is_same = (flipped == images).flatten(1).all(1)
    assert (is_mirrored ^ is_same).all()
    assert 400 < is_mirrored.sum() < 600


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_rectangle_of_its_share_is_erased(share):
    images = images_of(200, 2, 60, 80)
    erased = random_erase(share)(images, seeded())
    is_hidden = erased != images
    assert torch.equal(is_hidden[:, 0], is_hidden[:, 1])  # all channels
    assert_allclose(is_hidden.float().mean((1, 2, 3)), share, rtol=0.1)
    rows, columns = is_hidden[:, 0].any(2), is_hidden[:, 0].any(1)
    assert torch.equal(is_hidden[:, 0], rows[:, :, None] & columns[:, None, :])
    for sides in (rows, columns):  # without gaps, and reaching both borders at times
        assert (sides[:, 1:] & ~sides[:, :-1]).sum(1).max() <= 1
        assert sides[:, 0].any()
        assert sides[:, -1].any()
    means = images.mean((2, 3), keepdim=True).expand_as(images)
    assert_allclose(erased[is_hidden], means[is_hidden])


def test_erasing_everything_leaves_the_mean():
    images = images_of()
    assert_allclose(
        random_erase(1.0)(images, seeded()), images.mean((2, 3), keepdim=True).expand_as(images)
    )


def blobs_of(n_images, *, height=41, width=61, across=6.0, down=2.0):
    """Gaussian blobs in the middle, with these standard deviations in pixels."""
    rows = (torch.arange(height, dtype=torch.float64) - (height - 1) / 2) / down
    columns = (torch.arange(width, dtype=torch.float64) - (width - 1) / 2) / across
    blob = torch.exp(-(rows[:, None].square() + columns.square()) / 2)
    return blob.expand(n_images, 1, -1, -1)


def moments_of(images):
    """Mass (n,) and covariance (n, 2, 2), right and up, of what each image shows."""
    height, width = images.shape[2:]
    up = (height - 1) / 2 - torch.arange(height, dtype=images.dtype)[:, None].expand(-1, width)
    right = torch.arange(width, dtype=images.dtype).expand(height, -1) - (width - 1) / 2
    mass, places = images[:, 0].sum((1, 2)), torch.stack([right, up])
    shares = images[:, 0] / mass[:, None, None]
    return mass, torch.einsum("nhw,ahw,bhw->nab", shares, places, places)


def test_affine_turns_up_to_its_degrees():
    blobs = blobs_of(500)
    mass, covariance = moments_of(random_affine(25)(blobs, seeded()))
    angles = torch.rad2deg(
        torch.atan2(2 * covariance[:, 0, 1], covariance[:, 0, 0] - covariance[:, 1, 1]) / 2
    )
    assert 24 < angles.max() < 25.1
    assert -25.1 < angles.min() < -24
    assert_allclose(angles.std(), 25 / math.sqrt(3), rtol=0.1)
    # A rigid motion: neither the size nor the axes change, though the image is no square.
    assert_allclose(mass, blobs[0].sum(), rtol=1e-3)
    axes = torch.linalg.eigvalsh(covariance)
    assert_allclose(axes, torch.tensor([4.0, 36.0]).expand(500, -1), rtol=0.1)


def test_affine_zooms_up_to_its_scale():
    blobs = blobs_of(500, height=61, width=81, across=3.0, down=3.0)
    mass, covariance = moments_of(random_affine(0, 0.5)(blobs, seeded()))
    zooms = (mass / blobs[0].sum()).sqrt()
    assert 1.48 < zooms.max() < 1.51
    assert 1 / 1.51 < zooms.min() < 1 / 1.48
    assert abs(zooms.log().mean()) < 0.04
    for axis in range(2):
        assert_allclose(covariance[:, axis, axis], 9 * zooms**2, rtol=0.1)


def test_composition_takes_the_steps_in_order():
    images = images_of()
    generator = seeded()
    expected = random_shift(2)(random_flip()(images, generator), generator)
    assert torch.equal(compose(random_flip(), random_shift(2))(images, seeded()), expected)


@pytest.mark.parametrize("step", IMAGE_STEPS[1:], ids=repr)
def test_images_have_four_axes(step):
    with pytest.raises(ValueError, match=r"needs images \(n, c, h, w\), not shape \(5, 8, 8\)"):
        step(torch.zeros(5, 8, 8), seeded())


def test_rows_have_two_axes():
    with pytest.raises(ValueError, match=r"needs rows \(n, d\), not shape \(5, 1, 8, 8\)"):
        feature_dropout(0.1)(torch.zeros(5, 1, 8, 8), seeded())


@each
def test_whole_numbers_are_no_batch(step):
    with pytest.raises(ValueError, match=r"needs floating point numbers, not torch\.uint8"):
        step(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), seeded())


def test_shifts_stay_within_the_image():
    with pytest.raises(ValueError, match=r"max_pixels=8\) is too far .* shape \(1, 8, 9\)"):
        random_shift(8)(torch.zeros(2, 1, 8, 9), seeded())


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (gaussian_noise, -0.1),
        (gaussian_noise, math.nan),
        (gaussian_noise, math.inf),
        (feature_dropout, 1.1),
        (random_shift, -1),
        (random_shift, 1.5),
        (random_erase, 1.5),
        (random_affine, -5.0),
    ],
)
def test_strengths_out_of_range(make, value):
    with pytest.raises(ValueError, match=rf"{make.__name__}: \w+={value} must be"):
        make(value)


@pytest.mark.gpu
@each
def test_the_generator_may_be_on_another_device(step):
    batch = batch_for(step)
    assert_allclose(step(batch.cuda(), seeded()).cpu(), step(batch, seeded()), atol=1e-4)
