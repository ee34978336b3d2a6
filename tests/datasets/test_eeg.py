import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold.datasets import load_eeg_layout


@pytest.fixture
def channels():
    return pytest.importorskip("mne.channels", reason="mne comes with the bench extra")


def test_electrodes_sit_on_a_head(channels):
    layout = load_eeg_layout()
    assert layout.X.shape == (len(layout.names), 3)
    assert len(np.unique(layout.X, axis=0)) == len(np.unique(layout.names)) == len(layout.X)
    # A head is some 15 to 25 cm across, in metres.
    assert np.all((np.ptp(layout.X, axis=0) > 0.14) & (np.ptp(layout.X, axis=0) < 0.26))
    place = dict(zip(layout.names, layout.X, strict=True))
    right, front, up = np.eye(3)
    assert place["C4"] @ right > 0.05 > -0.05 > place["C3"] @ right
    assert place["Fpz"] @ front > 0.05 > -0.05 > place["Oz"] @ front
    assert place["Cz"] @ up == pytest.approx(layout.X[:, 2].max(), abs=0.01)


def test_rows_and_names_belong_together(channels):
    layout = load_eeg_layout()
    positions = channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    for name, position in zip(layout.names, layout.X, strict=True):
        assert_allclose(position, positions[name])
    # One name is kept for each position, the first.
    assert "T3" in positions
    twins = [name for name in positions if np.array_equal(positions[name], positions["T3"])]
    assert len(twins) > 1
    assert set(twins) & set(layout.names) == {twins[0]}


def test_biosemi_lies_on_a_sphere(channels):
    layout = load_eeg_layout("biosemi64")
    assert layout.X.shape == (64, 3)
    radius = np.linalg.norm(layout.X, axis=1)
    assert_allclose(radius, radius.mean(), rtol=1e-3)


def test_unknown_layout_is_refused_with_the_known_ones(channels):
    with pytest.raises(ValueError, match=r"name must be one of .*'biosemi64'.* got 'mullet'"):
        load_eeg_layout("mullet")


def test_missing_mne_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mne", None)
    monkeypatch.setitem(sys.modules, "mne.channels", None)
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[bench\]"'):
        load_eeg_layout()
