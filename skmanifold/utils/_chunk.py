"""Blocks of rows that fit scikit-learn's working memory."""

from collections.abc import Iterator

import torch
from sklearn import get_config
from sklearn.utils import gen_batches

# Of the working memory, what one block takes: smaller blocks stay nearer to the processor, and
# the callers' own temporaries come on top. At 128 MiB, a block of covariances is twice as fast as
# at 1 GiB (measured), which is the default working memory.
SHARE = 1 / 8


def coordinates_at_once(device: torch.device) -> int:
    """Numbers to work on at a time where each step is little work for many of them.

    On a CPU, what stays in its caches: with eight times as many, canonical frames of 10,000
    clouds of 1024 points take five times as long (measured). A GPU wants more at a time.
    """
    return 2**24 if device.type == "cuda" else 2**17


def row_chunks(n_rows: int, row_bytes: int) -> Iterator[slice]:
    """Slices that cover `n_rows` rows of `row_bytes` bytes, each within its share of memory.

    Parameters
    ----------
    n_rows : int
        Number of rows to cover; 0 gives no slice.
    row_bytes : int
        Bytes that one row of the caller's temporary arrays takes.

    Yields
    ------
    chunk : slice
        Consecutive rows, at least one, together below an eighth of
        `sklearn.get_config()["working_memory"]` MiB where one row is.
    """
    if n_rows > 0:
        budget = SHARE * get_config()["working_memory"] * 2**20
        yield from gen_batches(n_rows, max(1, int(budget // max(row_bytes, 1))))
