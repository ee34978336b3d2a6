import pytest

from skmanifold.cluster import _training


@pytest.fixture
def few_steps(monkeypatch):
    """Let the warm-up take the epochs it is given, though they be few steps: what is learnt in
    them does not matter here."""
    monkeypatch.setattr(_training, "FEWEST_STEPS", 1)
