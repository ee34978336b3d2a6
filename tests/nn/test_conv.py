import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torch.nn.utils import skip_init

from skmanifold.nn._conv import conv_encoder, initialise


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images_of(n_images, image_shape, seed=1):
    return torch.rand(n_images, *image_shape, generator=seeded(seed))


@pytest.mark.parametrize("image_shape", [(1, 8, 8), (3, 32, 32), (2, 9, 21), (5, 28, 8)])
def test_images_of_any_shape_become_rows(image_shape):
    encoder = conv_encoder(image_shape, 10, width=4)
    rows = encoder(images_of(6, image_shape))
    assert rows.shape == (6, 10)
    assert rows.isfinite().all()
    assert rows.std(0).min() > 1e-3  # no row is like another, in any component


@pytest.mark.parametrize("training", [True, False])
def test_every_parameter_learns(training):
    encoder = conv_encoder((2, 12, 12), 6, width=4).train(training)
    encoder(images_of(8, (2, 12, 12))).square().sum().backward()
    for parameter in encoder.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0


def test_inference_does_not_depend_on_the_batch():
    encoder = conv_encoder((1, 12, 12), 6, width=4)
    images = images_of(9, (1, 12, 12))
    encoder(images)  # in training: something to remember
    encoder.eval()
    whole = encoder(images)
    alone = torch.cat([encoder(image[None]) for image in images])
    assert_allclose(alone.detach(), whole.detach(), atol=1e-5)
    assert_allclose(encoder(images.flip(0)).detach(), whole.flip(0).detach(), atol=1e-5)


def test_inference_remembers_training():
    """After long training on one batch inference does nearly as training did."""
    encoder = conv_encoder((1, 12, 12), 6, width=4)
    images = images_of(200, (1, 12, 12))
    with torch.no_grad():
        for _ in range(60):
            trained = encoder(images)
        inferred = encoder.eval()(images)
    assert_allclose(inferred, trained, atol=0.1 * float(trained.std()))


def test_the_generator_decides_on_the_weights():
    def weights(generator=None):
        encoder = conv_encoder((1, 8, 8), 6, width=4, generator=generator)
        return nn.utils.parameters_to_vector(encoder.parameters())

    state = torch.get_rng_state()
    assert torch.equal(weights(seeded(3)), weights(seeded(3)))
    assert not torch.equal(weights(seeded(3)), weights(seeded(4)))
    assert torch.equal(weights(), weights())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_small_encoder_learns_to_tell_bars_apart():
    images = torch.zeros(40, 1, 12, 12)
    for row in range(40):
        place = 2 + row % 8
        if row < 20:
            images[row, 0, place] = 1
        else:
            images[row, 0, :, place] = 1
    labels = torch.arange(40) // 20
    encoder = conv_encoder((1, 12, 12), 2, width=4)
    parameters = list(encoder.parameters())
    for _ in range(30):  # by hand: importing an optimizer takes longer
        loss = nn.functional.cross_entropy(encoder(images), labels)
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter -= 0.1 * slope
    assert torch.equal(encoder.eval()(images).argmax(1), labels)


@pytest.mark.parametrize("image_shape", [(1, 7, 8), (1, 8, 7), (0, 8, 8), (8, 8), (1, 8, 8, 8)])
def test_bad_shapes(image_shape):
    with pytest.raises(ValueError, match=r"must be \(n_channels, height, width\)"):
        conv_encoder(image_shape)


# Initialisation


def unset(kind, *args, **kwargs):
    """A layer full of NaN, as memory left as it was may be."""
    layer = skip_init(kind, *args, **kwargs)
    for values in [*layer.parameters(), *layer.buffers()]:
        if values.is_floating_point():
            nn.init.constant_(values, torch.nan)
    return layer


@pytest.mark.parametrize(
    ("layer", "variance"),
    [
        (unset(nn.Linear, 300, 200), 1 / (3 * 300)),
        (unset(nn.Conv2d, 20, 100, kernel_size=3), 2 / 180),
        (unset(nn.Conv1d, 50, 100, kernel_size=5, bias=False), 2 / 250),
    ],
    ids=["linear", "images", "series"],
)
def test_weights_have_their_variance(layer, variance):
    initialise(layer, seeded())
    deviation = np.sqrt(variance)
    weights = layer.weight.detach()
    assert_allclose(weights.mean(), 0, atol=5 * deviation / np.sqrt(weights.numel()))
    assert_allclose(weights.std(), deviation, rtol=0.05)
    assert layer.bias is None or (layer.bias == 0).all()


def test_signals_keep_their_size_through_many_layers():
    circular = {"kernel_size": 3, "padding": 1, "padding_mode": "circular"}
    layers = [part for _ in range(20) for part in (unset(nn.Conv1d, 60, 60, **circular), nn.ReLU())]
    network = initialise(nn.Sequential(*layers), seeded())
    series = torch.randn(20, 60, 10, generator=seeded(1))
    ratio = network(series).square().mean() / series.relu().square().mean()
    assert 0.3 < ratio < 3


@pytest.mark.parametrize(
    "norm",
    [
        unset(nn.BatchNorm1d, 6),
        unset(nn.BatchNorm1d, 6, affine=False),
        unset(nn.LayerNorm, 6),
        unset(nn.LayerNorm, 6, bias=False),
        unset(nn.GroupNorm, 2, 6),
    ],
    ids=repr,
)
@pytest.mark.parametrize("training", [True, False])
def test_norms_begin_as_the_plain_norm(norm, training):
    initialise(norm, seeded()).train(training)
    plain = type(norm)(*((2, 6) if isinstance(norm, nn.GroupNorm) else (6,)))
    rows = torch.randn(8, 6, generator=seeded())
    assert torch.equal(norm(rows), plain.train(training)(rows))


def test_initialising_anew_forgets():
    encoder = conv_encoder((1, 8, 8), 6, width=4)
    fresh = copy.deepcopy(encoder.state_dict())
    encoder(images_of(5, (1, 8, 8)))
    assert not torch.equal(encoder.state_dict()["0.halve.1.running_mean"], torch.zeros(4))
    assert initialise(encoder, seeded(0)) is encoder
    for name, values in encoder.state_dict().items():
        assert torch.equal(values, fresh[name])


def test_the_global_generator_is_left_alone():
    network = nn.Sequential(unset(nn.Linear, 3, 4), unset(nn.BatchNorm1d, 4))
    state = torch.get_rng_state()
    initialise(network, seeded())
    assert torch.equal(torch.get_rng_state(), state)


def test_unknown_layers():
    with pytest.raises(TypeError, match=r"parameters of a Embedding"):
        initialise(nn.Sequential(nn.ReLU(), nn.Embedding(3, 4)), seeded())
