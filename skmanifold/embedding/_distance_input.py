"""Checks of matrices of distances that the user gives."""

import numpy as np

from skmanifold.utils import row_chunks


def check_square(matrix):
    """Refuse a matrix that does not hold the distances between one set of points."""
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            "metric='precomputed' needs a square matrix of distances to fit, got shape "
            f"{matrix.shape}."
        )


def check_not_negative(values):
    """Refuse negative distances."""
    if values.size and values.min() < 0:
        raise ValueError(
            f"metric='precomputed' needs distances, which are not negative; got {values.min()}."
        )


def check_symmetric(distances):
    """Refuse a square matrix that is not that of distances between one set of points."""
    largest = distances.max()
    if np.abs(distances.diagonal()).max() > 1e-6 * largest:
        raise ValueError(
            "metric='precomputed' needs distances, which are 0 from a point to itself; the "
            f"diagonal goes up to {distances.diagonal().max()}. Do you pass similarities?"
        )
    for rows in row_chunks(len(distances), 4 * distances[0].nbytes):
        gap = np.abs(distances[rows] - distances[:, rows].T).max()
        if gap > 1e-6 * largest:
            raise ValueError(
                "metric='precomputed' needs a symmetric matrix of distances; opposite entries "
                f"differ by up to {gap}. Pass (D + D.T) / 2 if that is what you mean."
            )


def check_squares(distances):
    """Refuse distances whose squares, which place new points, floats cannot hold."""
    largest = float(distances.max())
    if largest > 0 and not 1e-150 < largest < 1e150:
        raise ValueError(
            "metric='precomputed' places points by the squares of distances, which must be within "
            f"the range of floats; got distances up to {largest}. Pass them in other units, or as "
            "a batch, X[None], of which no new points are placed."
        )


def check_distances(distances):
    """Refuse what is no matrix of the distances between one set of points."""
    check_square(distances)
    check_not_negative(distances)
    check_symmetric(distances)
