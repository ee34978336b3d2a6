"""Seeds: one integer from scikit-learn's random state, private generators from that."""

import numpy as np
import torch
from sklearn.utils import check_random_state


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """One integer seed; an integer `random_state` always gives the same one.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As everywhere in scikit-learn.

    Returns
    -------
    seed : int
        In [0, 2**31 - 1), so that scikit-learn, numpy and torch all take it.
    """
    return int(check_random_state(random_state).randint(2**31 - 1))


def torch_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own, which leaves torch's global one alone."""
    return torch.Generator(device=device).manual_seed(seed)
