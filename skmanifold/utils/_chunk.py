"""Blocks of rows that fit scikit-learn's working memory."""

from collections.abc import Iterator

from sklearn import get_config
from sklearn.utils import gen_batches


def row_chunks(n_rows: int, row_bytes: int) -> Iterator[slice]:
    """Slices that cover `n_rows` rows of `row_bytes` bytes each, within the working memory.

    Parameters
    ----------
    n_rows : int
        Number of rows to cover; 0 gives no slice.
    row_bytes : int
        Bytes that one row of the caller's temporary arrays takes.

    Yields
    ------
    chunk : slice
        Consecutive rows, at least one, together below `sklearn.get_config()["working_memory"]`
        MiB where one row is.
    """
    if n_rows > 0:
        budget = get_config()["working_memory"] * 2**20
        yield from gen_batches(n_rows, max(1, int(budget // max(row_bytes, 1))))
