import numpy as np
import pytest

from skmanifold.plotting._label_names import name_points

mpl = pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")


@pytest.fixture
def ax():
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    ax.set(xlim=(-0.2, 1.2), ylim=(-0.2, 1.2))
    yield ax
    plt.close(figure)


def boxes(texts):
    return [text.get_window_extent() for text in texts]


def written(texts):
    return [text.get_text() for text in texts]


def overlaps(one, other, slack=0.01):
    """Whether boxes share more than the rounding of a pixel."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


@pytest.mark.parametrize("n_points", [5, 100])
def test_nothing_overlaps_or_sticks_out(ax, rng, n_points):
    positions, radii = rng.random((n_points, 2)), rng.uniform(1, 6, n_points)
    names = [(i, f"label {i}") for i in range(n_points)]
    texts = name_points(ax, positions, radii, names)
    assert len(ax.texts) == len(texts) > 3
    found, window = boxes(texts), ax.get_window_extent()
    centers, pixels = ax.transData.transform(positions), ax.figure.dpi / 72
    for i, box in enumerate(found):
        assert not any(overlaps(box, other) for other in found[:i])
        assert window.x0 <= box.x0 < box.x1 <= window.x1
        assert window.y0 <= box.y0 < box.y1 <= window.y1
        nearest = np.clip(centers, [box.x0, box.y0], [box.x1, box.y1])
        assert np.all(np.linalg.norm(centers - nearest, axis=1) > radii * pixels - 0.01)


def test_names_stand_beside_their_points(ax):
    (text,) = name_points(ax, np.array([[0.5, 0.5]]), np.array([4.0]), [(0, "x")])
    (box,), (x, y) = boxes([text]), ax.transData.transform([0.5, 0.5])
    assert x < box.x0 < x + 20 * ax.figure.dpi / 72
    assert box.y0 < y < box.y1


def test_the_first_name_wins(ax):
    positions = np.array([[0.5, 0.5]] * 12)
    radii = np.ones(12)
    for order in (range(12), reversed(range(12))):
        names = [(i, f"name {i}") for i in order]
        texts = name_points(ax, positions, radii, names)
        assert written(texts) == [name for _, name in names[: len(texts)]]
        assert 1 < len(texts) < 12  # each side takes one
        for text in texts:
            text.remove()


def test_names_wider_than_the_axes_are_left_out(ax):
    names = [(0, "a name " * 30), (1, "short")]
    texts = name_points(ax, np.array([[0.2, 0.2], [0.8, 0.8]]), np.ones(2), names)
    assert written(texts) == ["short"]
