import pickle
import pickletools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmanifold.utils import as_arrays, as_tensors


@dataclass(frozen=True)
class Leaf:
    values: torch.Tensor
    name: str
    count: int | None = None


@dataclass
class Branch:
    leaf: Leaf
    more: dict
    pair: tuple
    kind: type = Leaf


def grown():
    leaf = Leaf(torch.arange(6.0).reshape(2, 3), "leaf", 4)
    return Branch(
        leaf,
        {"inner": {"mask": torch.tensor([True, False])}, "number": 3.5, "nothing": None},
        (torch.tensor(2), "text", Leaf(torch.zeros(0, 2, dtype=torch.float64), "empty")),
    )


def tensors_of(tree):
    return [
        tree.leaf.values,
        tree.more["inner"]["mask"],
        tree.pair[0],
        tree.pair[2].values,
    ]


def test_every_tensor_becomes_an_array():
    tree = grown()
    arrays = as_arrays(tree)
    for tensor, array in zip(tensors_of(tree), tensors_of(arrays), strict=True):
        assert isinstance(array, np.ndarray)
        assert array.shape == tuple(tensor.shape)
        assert_array_equal(array, tensor.numpy())
        assert array.dtype == tensor.numpy().dtype


def test_there_and_back():
    tree = grown()
    back = as_tensors(as_arrays(tree), "cpu")
    for before, after in zip(tensors_of(tree), tensors_of(back), strict=True):
        assert isinstance(after, torch.Tensor)
        assert after.dtype == before.dtype
        assert torch.equal(after, before)


@pytest.mark.parametrize("convert", [as_arrays, lambda tree: as_tensors(as_arrays(tree), "cpu")])
def test_all_else_stays(convert):
    changed = convert(grown())
    assert isinstance(changed, Branch)
    assert isinstance(changed.leaf, Leaf)
    assert (changed.leaf.name, changed.leaf.count, changed.pair[2].count) == ("leaf", 4, None)
    assert changed.more["number"] == 3.5
    assert changed.more["nothing"] is None
    assert list(changed.more) == ["inner", "number", "nothing"]
    assert isinstance(changed.pair, tuple)
    assert changed.pair[1] == "text"
    assert changed.kind is Leaf  # a class of dataclasses is no dataclass itself


def test_the_tree_itself_does_not_change():
    tree = grown()
    before = [tensor.clone() for tensor in tensors_of(tree)]
    arrays = as_arrays(tree)
    copies = [array.copy() for array in tensors_of(arrays)]
    tensors = as_tensors(arrays, "cpu")
    for tensor in tensors_of(tensors):
        tensor.zero_()
    for array, copy in zip(tensors_of(arrays), copies, strict=True):
        assert_array_equal(array, copy)
    for tensor, old in zip(tensors_of(tree), before, strict=True):
        assert isinstance(tensor, torch.Tensor)
        assert torch.equal(tensor, old)


@pytest.mark.parametrize("leaf", [torch.ones(3), np.ones(3)])
def test_a_leaf_alone(leaf):
    assert isinstance(as_arrays(leaf), np.ndarray)
    assert isinstance(as_tensors(leaf, "cpu"), torch.Tensor)


@pytest.mark.parametrize("tree", [(), {}, None, 3, "text", 2.5])
def test_nothing_to_change(tree):
    assert as_arrays(tree) == tree
    assert as_tensors(tree, "cpu") == tree


def test_tensors_of_a_computation_lose_its_graph():
    weight = torch.ones(2, requires_grad=True)
    assert_array_equal(as_arrays((2 * weight,))[0], [2, 2])


def names_in(pickled):
    return {arg for _, arg, _ in pickletools.genops(pickled) if isinstance(arg, str)}


def test_pickles_know_nothing_of_torch():
    tree = {"pair": (torch.ones(2), torch.zeros(())), "inner": {"mask": torch.tensor([True])}}
    assert any("torch" in name for name in names_in(pickle.dumps(tree)))
    pickled = pickle.dumps(as_arrays(tree))
    assert not any("torch" in name for name in names_in(pickled))
    back = as_tensors(pickle.loads(pickled), "cpu")
    assert torch.equal(back["pair"][0], torch.ones(2))


def test_read_only_arrays():
    array = np.ones(3)
    array.flags.writeable = False
    as_tensors({"a": array}, "cpu")["a"].zero_()
    assert_array_equal(array, 1)


@pytest.mark.gpu
def test_on_the_gpu():
    there = as_tensors(as_arrays(grown()), "cuda")
    assert {tensor.device.type for tensor in tensors_of(there)} == {"cuda"}
    for tensor, expected in zip(tensors_of(as_arrays(there)), tensors_of(grown()), strict=True):
        assert_array_equal(tensor, expected.numpy())
