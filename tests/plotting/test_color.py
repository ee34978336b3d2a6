import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skmanifold.plotting._color import as_classes, palette, scale

pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["b", "a", "b"], ["a", "b"]),
        ([True, False, True], ["False", "True"]),
        ([10, 9, 10], ["9", "10"]),
        (np.array(["x", None, "x"], dtype=object), ["None", "x"]),
        (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"]),
    ],
)
def test_classes_are_recognised(values, names):
    classes = as_classes(values)
    assert classes.names == names
    assert_array_equal(np.array(names)[classes.codes], [str(value) for value in values])


@pytest.mark.parametrize("values", [[0.5, 1.5], [1.0, 2.0], np.arange(21)])
def test_numbers_are_recognised(values):
    assert as_classes(values) is None


@pytest.mark.parametrize("n_classes", [1, 10, 20, 35])
def test_palette_repeats_no_colour(n_classes):
    colors = palette(n_classes)
    assert colors.shape == (n_classes, 4)
    assert len(np.unique(colors, axis=0)) == n_classes


def test_few_classes_have_strong_colours():
    """Each of the first ten is darker than its light twin among the second ten."""
    luminance = palette(20)[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert np.all(luminance[:10] < luminance[10:])
    assert_array_equal(palette(10), palette(20)[:10])


def test_missing_values_are_grey():
    import matplotlib as mpl

    for cmap in (None, "magma", mpl.colormaps["magma"]):
        red, green, blue, _ = scale(cmap)(np.ma.masked)
        assert red == green == blue
    assert_array_equal(scale("magma")(0.3), mpl.colormaps["magma"](0.3))
