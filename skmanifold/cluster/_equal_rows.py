"""Rows that occur more than once, in the training samples or in them and in others."""

from hashlib import blake2b

import numpy as np

from skmanifold.cluster._label_graph import in_order_of_size


def row_keys(rows):
    """Sixteen bytes for each sample, the same for equal ones and, all but surely, no others."""
    flat = np.ascontiguousarray(rows, dtype=np.float64).reshape(len(rows), -1)
    flat = flat + 0.0  # -0.0 equals 0.0
    return [blake2b(row, digest_size=16).digest() for row in flat]


def equal_row(rows, known):
    """Index of a sample among the `known` ones that equals each of these, or -1."""
    places = {key: place for place, key in enumerate(row_keys(known))}
    return np.array([places.get(key, -1) for key in row_keys(rows)], dtype=np.intp)


def agreed(labels, rows):
    """Labels in which equal samples have one cluster: that of most of them, the larger of two."""
    groups = equal_row(rows, rows)
    pairs, counts = np.unique(np.stack([groups, labels]), axis=1, return_counts=True)
    # Counts rise and, of equal ones, labels fall: what is written last stays.
    order = np.lexsort((-pairs[1], counts))
    chosen = labels.copy()
    chosen[pairs[0, order]] = pairs[1, order]
    return in_order_of_size(chosen[groups])
