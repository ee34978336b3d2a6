import pickle
from copy import deepcopy

import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skmanifold.base import ManifoldEstimator


class Model(ManifoldEstimator):
    """An estimator that keeps a tensor and a module."""

    def __init__(self, width=2, device="cpu"):
        self.width = width
        self.device = device

    def fit(self, X, y=None):
        self._points = torch.arange(4.0, device=self.device)
        self._net = torch.nn.Linear(3, self.width).to(self.device)
        self.name_ = "fitted"
        return self


class Elsewhere(torch.Tensor):
    """Stands for a tensor on another device: `cpu` tells that it was called."""

    def cpu(self):
        return torch.zeros(3)


class FarModule(torch.nn.Module):
    """Stands for a module on another device."""

    def __init__(self):
        super().__init__()
        self.place = "far"

    def cpu(self):
        self.place = "here"
        return self


def test_round_trip():
    model = Model(width=5).fit(None)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.get_params() == model.get_params()
    assert copy.name_ == "fitted"
    assert_array_equal(copy._points, model._points)
    for name, value in model._net.state_dict().items():
        assert_array_equal(copy._net.state_dict()[name], value)


def test_tensors_and_modules_come_to_the_cpu():
    model = Model().fit(None)
    model._points, model._net = torch.ones(3).as_subclass(Elsewhere), FarModule()
    copy = pickle.loads(pickle.dumps(model))
    assert type(copy._points) is torch.Tensor
    assert_array_equal(copy._points, [0, 0, 0])
    assert copy._net.place == "here"
    # The estimator itself goes on where it was.
    assert type(model._points) is Elsewhere
    assert model._net.place == "far"


def test_pickling_leaves_the_estimator_alone():
    model = Model().fit(None)
    before = dict(vars(model))
    pickle.dumps(model)
    assert vars(model) == before  # the same objects
    assert pickle.loads(pickle.dumps(model))._net is not model._net


def test_copies_do_not_share():
    model = Model().fit(None)
    copy = deepcopy(model)
    copy._points += 1
    assert_array_equal(model._points, [0, 1, 2, 3])
    assert "_net" not in vars(clone(model))


@pytest.mark.gpu
def test_pickles_of_a_gpu_open_without_one():
    model = Model(device="cuda").fit(None)
    copy = pickle.loads(pickle.dumps(model))
    assert copy._points.device.type == "cpu"
    assert next(copy._net.parameters()).device.type == "cpu"
    assert model._points.is_cuda
    assert next(model._net.parameters()).is_cuda
