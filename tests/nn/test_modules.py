from functools import partial

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from skmanifold.nn import TwoHeads, built_encoder, hidden_width, mlp_encoder


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows_of(n_samples=9, n_features=3):
    return torch.randn(n_samples, n_features, generator=seeded(5))


def same_state(first, second):
    states = first.state_dict(), second.state_dict()
    assert states[0].keys() == states[1].keys()
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.fixture
def untouched_generator():
    """Torch's global one must be where it was."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(torch.get_rng_state(), before)


class Given(nn.Module):
    """Whatever a function makes of a batch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, batch):
        return self.function(batch)


@pytest.mark.parametrize("n_layers", [1, 2, 4])
def test_mlp_has_its_layers_and_width(untouched_generator, n_layers):
    encoder = mlp_encoder(3, 8, n_layers=n_layers, generator=seeded())
    assert sum(isinstance(layer, nn.Linear) for layer in encoder) == n_layers
    hidden = encoder(rows_of())
    assert hidden.shape == (9, 8)
    assert bool((hidden >= 0).all())
    assert hidden.std().item() > 0.1


def test_mlp_is_what_its_generator_makes(untouched_generator):
    first, again = (mlp_encoder(3, 8, generator=seeded(1)) for _ in range(2))
    assert same_state(first, again)
    assert not same_state(first, mlp_encoder(3, 8, generator=seeded(2)))


def test_mlp_in_evaluation_takes_each_row_by_itself():
    encoder, rows = mlp_encoder(3, 8, generator=seeded()), rows_of()
    encoder(rows)  # the norms learn
    encoder.eval()
    alone = torch.cat([encoder(row[None]) for row in rows])
    assert_allclose(alone.detach(), encoder(rows).detach(), atol=1e-6)


def test_heads_have_unit_norm_and_differ(untouched_generator):
    module = TwoHeads(mlp_encoder(3, 8, generator=seeded()), 8, 5, seeded(1))
    features, clusters = module(rows_of())
    for head in (features, clusters):
        assert head.shape == (9, 5)
        assert_allclose(head.detach().norm(dim=1), torch.ones(9), rtol=1e-5)
    assert not torch.allclose(features, clusters)


def test_clusters_begin_from_the_features_and_go_their_own_way():
    module = TwoHeads(mlp_encoder(3, 8, generator=seeded()), 8, 5, seeded(1))
    module.copy_feature_head()
    features, clusters = module(rows_of())
    assert torch.equal(features, clusters)
    with torch.no_grad():
        module.cluster_head.weight.zero_()
    assert bool(module.feature_head.weight.any())


def test_a_module_is_copied_and_keeps_its_weights():
    given = nn.Sequential(nn.Linear(3, 4), nn.Tanh()).double()
    before, state = given[0].weight.detach().clone(), torch.get_rng_state()
    encoder = built_encoder(given, (3,), seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert encoder is not given
    assert encoder[0].weight.dtype == torch.float32
    assert_allclose(encoder[0].weight.detach(), before, rtol=1e-6)
    with torch.no_grad():
        encoder[0].weight.zero_()
    assert torch.equal(given[0].weight, before)
    assert given[0].weight.dtype == torch.float64


class Doubled(nn.Linear):
    def __init__(self, n_features):
        super().__init__(n_features, 2 * n_features)


@pytest.mark.parametrize(
    "make",
    [Doubled, lambda n_features: nn.Linear(n_features, 6), partial(nn.Linear, out_features=6)],
    ids=["class", "function", "partial"],
)
def test_classes_and_functions_get_the_number_of_features(untouched_generator, make):
    first, again, other = (built_encoder(make, (3,), seed) for seed in (1, 1, 2))
    assert first(rows_of()).shape == (9, 6)
    assert same_state(first, again)
    assert not same_state(first, other)


def test_functions_get_the_shape_of_images(untouched_generator):
    shapes = []

    def make(shape):
        shapes.append(shape)
        return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 4))

    encoder = built_encoder(make, (2, 5, 6), seed=0)
    assert shapes == [(2, 5, 6)]
    assert hidden_width(encoder, torch.zeros(3, 2, 5, 6)) == 4


def test_functions_that_fail_leave_the_global_generator_alone(untouched_generator):
    def make(n_features):
        torch.rand(3)
        raise KeyError("no such layer")

    with pytest.raises(KeyError, match=r"no such layer"):
        built_encoder(make, (3,), seed=0)


@pytest.mark.parametrize(
    "made", [None, 3, torch.relu, nn.Linear], ids=["none", "number", "function", "class"]
)
def test_functions_must_give_modules(made):
    with pytest.raises(TypeError, match=r"module=.* made a .*, not a torch Module"):
        built_encoder(lambda n_features: made, (3,), seed=0)


def test_width_is_that_of_the_rows():
    assert hidden_width(nn.Linear(3, 11), torch.zeros(2, 3)) == 11
    # Batch norms cannot train on one sample, but they can evaluate it.
    assert hidden_width(mlp_encoder(3, 8, generator=seeded()), torch.zeros(1, 3)) == 8


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (lambda batch: batch.sum(), r"\(\)"),
        (lambda batch: batch.sum(1), r"\(4,\)"),
        (lambda batch: batch[:, :, None], r"\(4, 3, 1\)"),
        (lambda batch: batch[:1], r"\(1, 3\)"),
        (lambda batch: batch.T, r"\(3, 4\)"),
        (lambda batch: (batch, batch), r"tuple"),
        (lambda batch: batch.numpy(), r"ndarray"),
        (lambda batch: None, r"NoneType"),
    ],
)
def test_other_shapes_are_refused(function, given):
    match = rf"module returned {given} for a batch of shape \(4, 3\).* of shape \(4, n_hidden\)"
    with pytest.raises(ValueError, match=match):
        hidden_width(Given(function), torch.zeros(4, 3))


@pytest.mark.parametrize(
    "module",
    [nn.Linear(5, 2), nn.Conv2d(1, 2, 3), Given(lambda batch: batch[:, 7])],
    ids=["linear", "convolution", "index"],
)
def test_modules_of_other_samples_are_told_their_shape(module):
    with pytest.raises(ValueError, match=r"module cannot encode a batch of shape \(4, 3\): \S+"):
        hidden_width(module, torch.zeros(4, 3))
