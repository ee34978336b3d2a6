import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context

from skmanifold.utils import row_chunks
from skmanifold.utils._chunk import SHARE


@pytest.mark.parametrize("n_rows", [1, 7, 1000])
@pytest.mark.parametrize("row_bytes", [0, 1, 1000, 2**18, 2**40])
def test_chunks_cover_every_row_once_within_the_memory(n_rows, row_bytes):
    with config_context(working_memory=1 / SHARE):  # which leaves one MiB for a chunk
        chunks = list(row_chunks(n_rows, row_bytes))
    covered = np.concatenate([np.arange(n_rows)[chunk] for chunk in chunks])
    assert_array_equal(covered, np.arange(n_rows))
    sizes = [chunk.stop - chunk.start for chunk in chunks]
    assert min(sizes) >= 1
    assert max(sizes) == 1 or max(sizes) * row_bytes <= 2**20
    # No more chunks than it takes: a row more would not fit.
    assert len(chunks) == 1 or (max(sizes) + 1) * row_bytes > 2**20


def test_no_rows_no_chunks():
    assert list(row_chunks(0, 8)) == []


def test_memory_is_read_when_chunks_are_made():
    with config_context(working_memory=1 / SHARE):
        many = len(list(row_chunks(100, 2**18)))
    with config_context(working_memory=1000 / SHARE):
        few = len(list(row_chunks(100, 2**18)))
    assert (many, few) == (25, 1)


def test_a_chunk_leaves_memory_for_others():
    assert 0 < SHARE <= 1
