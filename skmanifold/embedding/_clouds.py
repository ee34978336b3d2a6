"""Batches of point clouds: read from arrays and lists, worked on chunk by chunk."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_array, gen_batches

from skmanifold.utils import coordinates_at_once, is_list, to_numpy, to_tensor

FLOATS = (np.float64, np.float32)
# Clouds of a list share a chunk if none is larger than this many times the smallest.
MOST_PADDING = 1.25
# A cloud is gone through so many times anyway, so that fewer copies of it are no burden.
PASSES = 8


class CloudBatch(NamedTuple):
    """Point clouds, all of one shape in an array or each of its own in a list."""

    clouds: np.ndarray | list  # (n_clouds, n_points, n_dims), or n_clouds x (n_points_i, n_dims_i)

    @property
    def ragged(self):
        """Whether the clouds are in a list."""
        return isinstance(self.clouds, list)

    @property
    def dtype(self):
        """Float type of results: float32 if all clouds have it."""
        if not self.ragged:
            return self.clouds.dtype
        return np.result_type(*{cloud.dtype for cloud in self.clouds})

    @property
    def n_dims(self):
        """Numbers of coordinates of the clouds, usually one."""
        return {cloud.shape[-1] for cloud in self.clouds[: None if self.ragged else 1]}

    def __len__(self):
        return len(self.clouds)


@contextmanager
def told_of(index):
    """Let an error say which cloud of a list it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"X[{index}]: {error}") from error


def read_batch(X):
    """A checked batch from a 3-D array or a list of 2-D arrays.

    Raises
    ------
    ValueError
        If a cloud is not 2-D, has no points, or holds NaN or infinity.
    """
    if is_list(X):
        if len(X) == 0:
            raise ValueError("X is an empty list; pass at least one cloud.")
        clouds = []
        for index, cloud in enumerate(X):
            with told_of(index):
                clouds.append(check_array(cloud, dtype=FLOATS, order="C", input_name="X"))
        return CloudBatch(clouds)
    X = check_array(X, dtype=FLOATS, allow_nd=True, input_name="X")
    if 0 in X.shape:
        raise ValueError(f"X holds clouds without points or coordinates: its shape is {X.shape}.")
    return CloudBatch(X)


def unflattened(X, point_dim):
    """The batch of clouds whose points follow one another in the rows of `X`."""
    if X.shape[1] % point_dim:
        raise ValueError(
            f"point_dim={point_dim} does not divide the {X.shape[1]} features of X. Its rows must "
            f"hold the {point_dim} coordinates of a first point, those of a second, and so on."
        )
    return CloudBatch(X.reshape(len(X), -1, point_dim))


def _groups(counts):
    """Indices of clouds of nearly the same number of points."""
    order = np.argsort(counts, kind="stable")
    ordered, start = counts[order], 0
    while start < len(order):
        stop = np.searchsorted(ordered, MOST_PADDING * ordered[start], side="right")
        yield order[start:stop]
        start = stop


def chunks(batch, batch_size, device, *, copies=1):
    """Slices of an array, or indices into a list, of clouds to be worked on together.

    With `copies`, results hold so many of every cloud, and must fit as well.
    """
    limit = coordinates_at_once(device) * PASSES // max(copies, PASSES)
    if batch.ragged:
        groups = list(_groups(np.array([len(cloud) for cloud in batch.clouds])))
    else:
        groups = [np.arange(len(batch))]
    pieces = []
    for group in groups:
        largest = batch.clouds[group[-1]].size
        size = max(1, limit // largest) if batch_size == "auto" else batch_size
        pieces += [group[rows] for rows in gen_batches(len(group), size)]
    return pieces if batch.ragged else [slice(piece[0], piece[-1] + 1) for piece in pieces]


def padded(batch, chunk, device):
    """The clouds of a chunk as a tensor, and which of its rows are points; None if all are."""
    if not batch.ragged:
        return to_tensor(batch.clouds[chunk], device=device), None
    clouds = [batch.clouds[index] for index in chunk]
    shape = np.max([cloud.shape for cloud in clouds], axis=0)
    filled = np.zeros((len(clouds), *shape), dtype=batch.dtype)
    for place, cloud in zip(filled, clouds, strict=True):
        place[: cloud.shape[0], : cloud.shape[1]] = cloud
    x = torch.from_numpy(filled).to(device)
    counts = torch.tensor([len(cloud) for cloud in clouds], device=device)
    if (counts == shape[0]).all():
        return x, None
    return x, torch.arange(shape[0], device=device) < counts[:, None]


class Gathered:
    """Results for the clouds of a batch, put together chunk by chunk.

    Parameters
    ----------
    batch : CloudBatch
    per_point : bool, default=False
        Whether the last axis but one of a result runs over the points of its cloud.
    """

    def __init__(self, batch, *, per_point=False):
        self._batch = batch
        self._listed = per_point and batch.ragged
        self.values = [None] * len(batch) if self._listed else None

    def put(self, chunk, results):
        """Take the results for a chunk, of shape (n_chunk, ...)."""
        results = to_numpy(results.contiguous())
        if self._listed:
            for index, result in zip(chunk, results, strict=True):
                self.values[index] = result[..., : len(self._batch.clouds[index]), :].copy()
            return
        if self.values is None:
            self.values = np.empty((len(self._batch), *results.shape[1:]), dtype=results.dtype)
        self.values[chunk] = results
