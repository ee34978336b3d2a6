import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.datasets import load_pbmc68k


def test_cells_types_and_names():
    pytest.importorskip("scanpy", reason="scanpy comes with the bench extra")
    cells = load_pbmc68k()
    assert cells.X.shape == (700, 50)
    assert np.isfinite(cells.X).all()
    assert_array_equal(np.unique(cells.labels), np.arange(10))
    assert len(set(cells.label_names)) == 10
    # Monocytes and B cells are far apart: a mix-up of rows or names would blur them.
    monocytes, b_cells = (
        cells.X[cells.label_names[cells.labels] == name] for name in ("CD14+ Monocyte", "CD19+ B")
    )
    within = np.linalg.norm(monocytes - monocytes.mean(axis=0), axis=1).mean()
    between = np.linalg.norm(monocytes.mean(axis=0) - b_cells.mean(axis=0))
    assert between > within


def test_missing_scanpy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scanpy", None)
    monkeypatch.setitem(sys.modules, "scanpy.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[bench\]"'):
        load_pbmc68k()
