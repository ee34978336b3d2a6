import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.utils import check_random_state

from skmanifold.utils import draw_seed, torch_generator


def test_an_integer_always_gives_the_same_seed():
    assert draw_seed(3) == draw_seed(3)
    assert len({draw_seed(state) for state in range(100)}) == 100


def test_a_random_state_moves_on():
    state = np.random.RandomState(3)
    first, second = draw_seed(state), draw_seed(state)
    assert first == draw_seed(3)
    assert first != second


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(1)])
def test_seeds_are_taken_everywhere(random_state):
    seed = draw_seed(random_state)
    assert type(seed) is int
    assert 0 <= seed < 2**31 - 1
    np.random.RandomState(seed)
    np.random.default_rng(seed)
    torch_generator(seed)


def test_none_draws_from_the_global_state():
    state = check_random_state(None)  # numpy's global one
    saved = state.get_state()
    try:
        state.seed(5)
        first, second = draw_seed(None), draw_seed(None)
    finally:
        state.set_state(saved)
    assert first == draw_seed(5)
    assert first != second


def test_integers_leave_the_global_state_alone():
    state = check_random_state(None)
    before = state.get_state()
    draw_seed(0)
    assert_array_equal(state.get_state()[1], before[1])
    assert state.get_state()[2] == before[2]


def test_not_a_random_state():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        draw_seed("now")


def test_generators_repeat_and_leave_the_global_one_alone():
    before = torch.get_rng_state()
    first, second = (torch.rand(5, generator=torch_generator(7)) for _ in range(2))
    assert_array_equal(first, second)
    assert not torch.equal(first, torch.rand(5, generator=torch_generator(8)))
    assert_array_equal(torch.get_rng_state(), before)


@pytest.mark.gpu
def test_generator_on_the_gpu():
    draws = [
        torch.rand(5, generator=torch_generator(7, "cuda"), device="cuda").cpu() for _ in range(2)
    ]
    assert_array_equal(draws[0], draws[1])
