"""What the user hands over: labels, given geometry, and the points of both kinds."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import check_array

from skmanifold.graph import (
    ConnectionSpectrum,
    component_labels,
    connection_spectrum,
    edges,
    surface_spectrum,
)
from skmanifold.mesh import check_faces, cotangent_weights, vertex_areas, vertex_frames
from skmanifold.utils import warn_user

TANGENTIAL = 0.7  # of the energy of vectors, from which on they count as a tangent field
LARGEST = 1e150  # of numbers whose squares float64 can hold, and 1 / LARGEST the smallest
ROUNDING = 1e-6  # of orthonormal frames that come as numbers with few digits


@dataclass(frozen=True)
class Labels:
    """Labelled rows of X and their values (n_labels, q); whether y was one-dimensional."""

    rows: np.ndarray
    values: np.ndarray
    flat: bool


def read_labels(y: np.ndarray, missing_target: str) -> Labels:
    """Labels of the rows that have one.

    Raises
    ------
    ValueError
        If labels are missing without permission, in part, or altogether.
    """
    values = y.reshape(len(y), -1).astype(np.float64, order="C")
    missing = np.isnan(values)
    if missing.any() and missing_target == "error":
        raise ValueError(
            f"Input y contains NaN, in {int(missing.any(1).sum())} rows. Pass "
            "missing_target='unlabeled' to use these points for the graph alone, or drop them."
        )
    partly = missing.any(1) & ~missing.all(1)
    if partly.any():
        raise ValueError(
            f"y has numbers beside NaN in row {int(np.flatnonzero(partly)[0])}: a label is there "
            "as a whole or not at all."
        )
    rows = np.flatnonzero(~missing.any(1))
    if len(rows) == 0:
        raise ValueError("y has no label: all of its rows are NaN.")
    _check_size(values[rows], "y")
    return Labels(rows, values[rows], y.ndim == 1)


def _check_size(values: np.ndarray, name: str) -> None:
    """Refuse numbers whose squares are infinite or nought, which would be wrong without a word.

    Raises
    ------
    ValueError
        If the largest is out of range.
    """
    size = np.abs(values).max()
    if size != 0 and not 1 / LARGEST <= size <= LARGEST:
        raise ValueError(
            f"{name} is in a unit in which its variance cannot be held: it spans "
            f"{size:.0e}, and that must be between {1 / LARGEST:.0e} and {LARGEST:.0e}. Rescale "
            f"{name}."
        )


def has_nan(y) -> bool:
    """Whether y is an array of real numbers with NaN among them."""
    try:
        values = np.asarray(y)
        values = values.astype(np.float64) if values.dtype.kind == "O" else values
    except (TypeError, ValueError):
        return False
    return y is not None and values.dtype.kind == "f" and bool(np.isnan(values).any())


def all_points(X: np.ndarray, X_unlabeled, feature_names: np.ndarray | None = None) -> np.ndarray:
    """Labelled points, and the unlabelled ones after them, in float64.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    X_unlabeled : array-like of shape (n_unlabeled, n_features) or None
        There may be none of them.
    feature_names : ndarray of shape (n_features,) or None, default=None
        Those of X, which columns of another data frame must share.

    Raises
    ------
    ValueError
        If the unlabelled ones have other features, or numbers are beyond measure.
    """
    # In rows, so that arrays in columns have their sums taken in the same order.
    every = X.astype(np.float64, order="C")
    if X_unlabeled is not None:
        more = check_array(
            X_unlabeled, dtype=np.float64, input_name="X_unlabeled", ensure_min_samples=0
        )
        if more.shape[1] != X.shape[1]:
            raise ValueError(f"X_unlabeled has {more.shape[1]} features, but X has {X.shape[1]}.")
        names = getattr(X_unlabeled, "columns", None)
        known = names is not None and feature_names is not None
        if known and list(names) != list(feature_names):
            raise ValueError(
                f"X_unlabeled has the columns {list(names)}, but X has {list(feature_names)}: "
                "they must be the same, in the same order."
            )
        every = np.concatenate((every, more))
    _check_size(every - every[0], "X")
    return every


def rms_radius(points: np.ndarray) -> float:
    """Root mean square distance from the centre; 1 where all points are one."""
    radius = float(np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean()))
    return radius if radius > 0 else 1.0


def standardization(
    values: np.ndarray, kind: str, manifold_dim: int, *, common: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale of targets: a vector field keeps its origin and its proportions.

    Parameters
    ----------
    values : ndarray of shape (n_labels, n_outputs)
    kind : str
    manifold_dim : int
        Directions that vectors have.
    common : bool
        Whether several scalars share one scale, as they do where their noise is given.
    """
    if kind == "scalar":
        offset, scale = values.mean(0), values.std(0)
        scale = np.full_like(scale, np.sqrt((scale**2).mean())) if common else scale
    else:
        offset = np.zeros(1)
        scale = np.sqrt((values**2).sum(1).mean(keepdims=True) / manifold_dim)
    # Each output by itself: a small one beside a large one is not a constant.
    largest = np.abs(values).max(0) if kind == "scalar" and not common else np.abs(values).max()
    return offset, np.where(scale > 1e-12 * largest, scale, 1.0)


@dataclass(frozen=True)
class Targets:
    """Labels as the search takes them.

    Attributes
    ----------
    kind : {"vector", "scalar", "tangent"}
    share : float or None
        Share of the energy of vectors in the tangent spaces.
    offset, scale : ndarray of shape (1,) or (n_outputs,)
    width : int
        Numbers in one label as it was given.
    values : ndarray of shape (n_labels, d) or (n_labels, n_outputs)
        In ambient coordinates, less the offset and over the scale.
    """

    kind: str
    share: float | None
    offset: np.ndarray
    scale: np.ndarray
    width: int
    values: np.ndarray

    @classmethod
    def of(
        cls, field: str, labels: Labels, frames: np.ndarray, own_frames, *, common: bool
    ) -> "Targets":
        """From labels and the tangent frames (n_labels, d, m) at their points.

        Parameters
        ----------
        field : {"auto", "vector", "scalar", "tangent"}
        labels : Labels
        frames : ndarray of shape (n_labels, d, m)
        own_frames : ndarray of shape (n_points, d, m) or None
            Frames of all rows of X that "tangent" labels are coordinates in.
        common : bool
            See `standardization`.

        Raises
        ------
        ValueError
            If there are no frames for a "tangent" field; else see `kind_of`.
        """
        kind, share = kind_of(field, labels, frames)
        values = labels.values
        if kind == "tangent":
            if own_frames is None:
                raise ValueError("field='tangent' needs frames, in which y holds coordinates.")
            values = np.einsum("ndm,nm->nd", own_frames[labels.rows], values)
        offset, scale = standardization(values, kind, frames.shape[2], common=common)
        width = labels.values.shape[1]
        return cls(kind, share, offset, scale, width, (values - offset) / scale)

    @property
    def plain_scale(self) -> float | np.ndarray:
        """The scale: a number where there is one for all outputs."""
        return self.scale if len(self.scale) > 1 else float(self.scale[0])

    @property
    def log_scale(self) -> float:
        """What the log density of one label falls by in units of y."""
        return float(np.log(np.broadcast_to(self.scale, self.width)).sum())


def kind_of(field: str, labels: Labels, frames: np.ndarray) -> tuple[str, float | None]:
    """The kind of field, and the share of its energy in the tangent spaces.

    Parameters
    ----------
    field : {"auto", "vector", "scalar", "tangent"}
    labels : Labels
    frames : ndarray of shape (n_labels, d, m)
        Tangent frames at the labelled points.

    Raises
    ------
    ValueError
        If the labels do not have the width that `field` needs.
    """
    n_outputs, (_, n_features, dim) = labels.values.shape[1], frames.shape
    if field == "tangent":
        if labels.flat or n_outputs != dim:
            raise ValueError(
                f"field='tangent' needs y of {dim} coordinates, the dimension of the frames, got "
                f"{_width(labels)}."
            )
        return field, 1.0
    shaped = not labels.flat and n_outputs == n_features
    if field == "vector" and not shaped:
        raise ValueError(
            f"field='vector' needs y of X's width, {n_features}, got {_width(labels)}. Scalars "
            "want field='scalar'."
        )
    if field == "scalar" or not shaped:
        return "scalar", None
    share = tangential_share(labels.values, frames)
    if field == "auto":
        # Where the manifold fills the space every vector is tangent, which says nothing.
        # Of vectors that know nothing of it, a share of about m / d is tangent by chance.
        chance = dim / n_features
        error = np.sqrt(2 * chance * (1 - chance) / ((n_features + 2) * len(labels.values)))
        tangent = dim < n_features and share >= max(TANGENTIAL, chance + 3 * error)
        return ("vector" if tangent else "scalar"), share
    if share < TANGENTIAL:
        warn_user(
            f"Only {share:.0%} of the energy of y is tangent to the manifold of dimension {dim}. "
            "Is y a vector field on it, and manifold_dim right?"
        )
    return field, share


def _width(labels: Labels) -> str:
    """Words for the shape of y."""
    return "one dimension" if labels.flat else f"{labels.values.shape[1]} columns"


def tangential_share(values: np.ndarray, frames: np.ndarray) -> float:
    """Share of the energy of vectors (n, d) that lies in the tangent spaces (n, d, m)."""
    total = (values**2).sum()
    inside = (np.einsum("nd,ndm->nm", values, frames) ** 2).sum()
    return float(inside / total) if total > 0 else 1.0


def checked_frames(frames, n_points: int, n_features: int, manifold_dim) -> np.ndarray:
    """Given tangent frames, one for each point.

    Raises
    ------
    ValueError
        If the shape does not fit, or the columns are not orthonormal.
    """
    try:
        frames = np.asarray(frames, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"frames must be an array of numbers: {error}.") from error
    if frames.ndim != 3 or frames.shape[:2] != (n_points, n_features):
        raise ValueError(
            f"frames must have shape ({n_points}, {n_features}, manifold_dim), one for each row "
            f"of X and of X_unlabeled after them, got {frames.shape}."
        )
    order = frames.shape[2]
    if not 1 <= order <= n_features or manifold_dim not in ("auto", order):
        raise ValueError(
            f"frames are of dimension {order}, which does not go with "
            f"manifold_dim={manifold_dim!r} and {n_features} features."
        )
    gram = np.einsum("ndm,ndk->nmk", frames, frames)
    wrong = ~(np.abs(gram - np.eye(order)).max((1, 2)) < ROUNDING)
    if wrong.any():
        raise ValueError(
            f"frames must have orthonormal columns; those of row {int(np.flatnonzero(wrong)[0])} "
            "do not. numpy.linalg.qr makes them so."
        )
    return frames


@dataclass(frozen=True)
class GraphSpectrum:
    """The spectrum of a graph that the user gave, whatever the frames.

    Attributes
    ----------
    affinity : csr_array of shape (n_points, n_points)
    bandwidth : float
        Unit of length of its steps, see `connection_spectrum`.
    """

    affinity: csr_array
    bandwidth: float

    @classmethod
    def of(cls, graph, points: np.ndarray, manifold_dim: int) -> "GraphSpectrum":
        """From symmetric weights of edges between the points.

        Raises
        ------
        ValueError
            If the graph has another size, negative or infinite weights, or directions.
        """
        try:
            graph = csr_array(graph, dtype=np.float64, copy=True)  # not to change the caller's
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"graph must be a matrix of weights, sparse or not, got {type(graph).__name__}."
            ) from error
        graph.eliminate_zeros()  # a stored 0 is no edge
        n_points = len(points)
        if graph.shape != (n_points, n_points):
            raise ValueError(
                f"graph must have shape ({n_points}, {n_points}), with a node for each row of X "
                f"and of X_unlabeled after them, got {graph.shape}."
            )
        if not np.isfinite(graph.data).all() or graph.data.min(initial=0) < 0:
            raise ValueError("graph must hold finite weights of at least 0.")
        if abs(graph - graph.T).max() > 1e-10 * graph.max():
            raise ValueError("graph must be symmetric; pass (graph + graph.T) / 2.")
        rows, columns, weights = edges(graph)
        lengths = np.linalg.norm(points[rows] - points[columns], axis=1)
        if not (lengths > 0).any():
            raise ValueError("graph must join points that lie apart.")
        # Half of each step stays where it is: the walk then has no negative eigenvalues.
        degree = np.asarray(graph.sum(1)).ravel()
        degree[degree == 0] = 1.0
        lazy = graph + csr_array((degree, (np.arange(n_points),) * 2), shape=graph.shape)
        # Half of the steps are of the mean square length, which is 2 m times the time of one.
        square = np.average(lengths**2, weights=weights) / manifold_dim
        return cls(csr_array(lazy), float(np.sqrt(square)))

    @property
    def n_components(self) -> int:
        """Parts that the graph falls apart into."""
        return int(component_labels(self.affinity).max()) + 1

    def __call__(self, frames, n_pairs: int, **kwargs) -> ConnectionSpectrum:
        return connection_spectrum(self.affinity, self.bandwidth, frames, n_pairs, **kwargs)


@dataclass(frozen=True)
class MeshSpectrum:
    """The spectrum of a triangle mesh that the user gave, whatever the frames."""

    weights: csr_array
    areas: np.ndarray

    @property
    def n_components(self) -> int:
        """Parts that the mesh falls apart into."""
        return int(component_labels(self.weights).max()) + 1

    def __call__(self, frames, n_pairs: int, **kwargs) -> ConnectionSpectrum:
        return surface_spectrum(self.weights, self.areas, frames, n_pairs, **kwargs)


def read_mesh(points: np.ndarray, faces) -> tuple[np.ndarray, MeshSpectrum]:
    """Frames and spectrum of a triangle mesh.

    Raises
    ------
    ValueError
        If the points are not in space, or the faces are broken.
    """
    if points.shape[1] != 3:
        raise ValueError(f"faces need points in space: X has {points.shape[1]} features, not 3.")
    faces = check_faces(faces, len(points))
    spectrum = MeshSpectrum(cotangent_weights(points, faces), vertex_areas(points, faces))
    return vertex_frames(points, faces), spectrum
