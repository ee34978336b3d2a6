"""Settings of the tests that draw."""

import pytest


@pytest.fixture
def pyplot():
    """matplotlib.pyplot without windows; what a test draws is closed behind it."""
    mpl = pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")
