"""Geodesic-preserving embeddings from heat diffusion."""

from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
import torch
from scipy.sparse import csr_array, issparse, vstack
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.embedding._distance_input import (
    check_not_negative,
    check_square,
    check_symmetric,
)
from skmanifold.embedding._heat_distances import component_heat
from skmanifold.embedding._landmark_space import (
    N_AUTO_LANDMARKS,
    N_DENOISED,
    components_of,
    coordinate_system,
    coordinates,
    euclidean_space,
    graph_space,
    half_squares,
    is_euclidean,
    matrix_space,
    metric_space,
    nearest_by_distance,
    nearest_by_features,
    sample_rows,
    smoothing_weights,
)
from skmanifold.embedding._layout import layout, members
from skmanifold.graph import (
    alpha_decay_affinity,
    component_labels,
    connectivity,
    describe_components,
    edges,
    jaccard_affinity,
    nearest_landmarks,
    pruned_graph,
    self_tuning_affinity,
    snn_affinity,
    union_graph,
    without_bridges,
)
from skmanifold.utils import (
    draw_seed,
    fit_steps,
    resolve_device,
    row_chunks,
    to_numpy,
    undone_on_failure,
    warn_user,
)
from skmanifold.utils._sklearn import Interval, StrOptions, fit_context

N_NEAREST = 10  # landmarks that a point is interpolated from


class HeatGeodesicEmbedding(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, ManifoldEstimator
):
    """Embedding that keeps geodesic distances, read off the heat kernel of a graph.

    Heat that starts at one point of a manifold and is measured at another after a short time tells
    how far apart they are along the manifold. The estimator

    1. removes noise from the points, as far as their neighbourhoods show any,
    2. condenses them to landmarks and joins these by a graph from which shortcuts are pruned,
    3. lets heat flow, and reads geodesic distances, in units of the data, off its kernel,
    4. lays the landmarks out so that Euclidean distances are the geodesic ones, and
    5. places every point, fitted or new, where the landmarks around it predict it to be.

    The defaults need no tuning: time, bandwidths, intrinsic dimension, noise level and the number
    of landmarks are read off the data. Nothing of size n x n is ever made unless
    ``n_landmarks=None`` asks for it.

    Read more in the :ref:`User Guide <heat_geodesic>`.

    Parameters
    ----------
    n_components : int, default=2
        Dimension of the embedding.
    n_neighbors : int, default=15
        Neighbours of each landmark in the graph. More bridge gaps and average noise, fewer
        resolve sheets that lie close together.
    graph : {"snn", "self_tuning", "alpha_decay", "knn", "jaccard"}, default="snn"
        Weights of the edges. ``"self_tuning"`` is a Gaussian with bandwidths of each point's own;
        ``"jaccard"`` the overlap of the neighbourhoods at both ends, which is small across a
        gap; ``"snn"`` the one times the square of the other; ``"knn"`` is 1; ``"alpha_decay"``
        is the kernel of PHATE and of the published method, which looks at all pairs and is
        not pruned.
    metric : str or callable, default="euclidean"
        Metric of the features, as in :func:`sklearn.metrics.pairwise_distances`. Noise is
        removed and landmarks are averaged under ``"euclidean"`` and ``"cosine"`` only (the
        latter is Euclidean on the sphere); with another metric the landmarks are rows of `X`.
        With ``"precomputed"``, `X` is a square matrix of distances, or a sparse matrix whose
        stored entries are the lengths of the edges of a graph.
    decay : float, default=40
        Exponent of the ``"alpha_decay"`` kernel.
    laplacian : {"geodesic", "normalized", "combinatorial"}, default="geodesic"
        ``"geodesic"`` gives each landmark the mass under which heat spreads equally far
        everywhere; the others are the published choices.
    t : float or "auto", default="auto"
        Diffusion time, in jumps of the walk from landmark to landmark. ``"auto"`` is a hundredth
        of the relaxation time of the graph on clean data and up to eight hundredths in noise,
        between 1 and 128. With the default `dissimilarity` little depends on it.
    heat_method : {"positive", "chebyshev", "exact"}, default="positive"
        How the heat kernel is computed, see :func:`skmanifold.graph.heat_kernel`. Only
        ``"positive"`` gets far distances right, where hardly any heat arrives.
    dissimilarity : {"geodesic", "varadhan", "squared_varadhan", "potential", "diffusion"}, \
            default="geodesic"
        What is read off the heat kernel ``h``. ``"geodesic"`` inverts the exact rate function of
        a walk on a lattice and is in units of the data; ``"varadhan"`` is the published
        ``sqrt(-4 t log h)``, ``"squared_varadhan"`` its square; ``"potential"`` compares rows
        of ``-log h`` as PHATE does, ``"diffusion"`` rows of ``h`` as diffusion maps do.
    volume_correction : float, default=1.0
        How much of the sampling density is taken out of ``"geodesic"`` and ``"varadhan"``.
    denoising : float, default=0.0
        Share of the published triplet distance, which compares landmarks by their distances to
        all others; at most 1.
    max_smoothing : int, default=3
        Most rounds of noise removal. Clean data take none. 0 leaves the points alone, for
        data that fill their space.
    n_landmarks : int, "auto" or None, default="auto"
        ``"auto"`` is at most 1000, and down to 400 in noise, over which each landmark averages;
        None makes every point a landmark, at a cost of
        ``8 n^2`` bytes several times over and ``n^3`` operations.
    prune : bool or "auto", default="auto"
        Whether an edge must be wanted by both its ends, but for a spanning forest that holds the
        graph together. ``"auto"`` prunes unless the graph is the user's own.
    mds : {"smacof", "classical", "sgd"}, default="smacof"
        Metric scaling by majorisation, classical scaling, or metric scaling by stochastic
        gradients. The metric ones start from the classical one.
    mds_weights : float, "heat" or None, default=None
        Weights of pairs of landmarks in metric scaling: all alike, the heat kernel, or the
        distance to the power of minus a number.
    device : str or torch.device, default="auto"
        Where the heavy work runs: ``"auto"`` is CUDA where there is one and the CPU elsewhere.
    random_state : int, RandomState instance or None, default=None
        Seed of the sample and the start of the landmarks. The same seed gives the same result.
    n_jobs : int or None, default=None
        Threads of the searches for neighbours on the CPU.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        Embedding of the training points, centred on principal axes.
    t_ : float
        Diffusion time used.
    intrinsic_dim_ : float
        Intrinsic dimension of the landmarks.
    noise_variance_ : float
        Variance of the noise that was removed, per direction.
    stress_ : float
        Kruskal's stress-1 of the landmarks: 0 where all distances are kept.
    landmarks_ : ndarray of shape (n_landmarks, n_reduced) or (n_landmarks,)
        Positions of the landmarks about the mean of the data (after a PCA to 64 components
        where there are more features); rows of `X` with ``metric="precomputed"``.
    landmark_embedding_ : ndarray of shape (n_landmarks, n_components)
        Embedding of the landmarks.
    landmark_distances_ : ndarray of shape (n_landmarks, n_landmarks)
        Dissimilarities of the landmarks; infinite between components of the graph.
    graph_ : csr_array of shape (n_landmarks, n_landmarks)
        Weights of the edges between landmarks.
    n_graph_components_ : int
        Number of connected components of the graph.
    graph_components_ : ndarray of shape (n_samples,)
        The component of each training point; 0 is the one with most landmarks.
    n_iter_ : int
        Rounds of metric scaling.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` had any.

    Warns
    -----
    UserWarning
        If the graph falls apart. The components are embedded side by side.

    See Also
    --------
    sklearn.manifold.Isomap : Shortest paths in place of heat; one shortcut spoils all of them.
    sklearn.manifold.SpectralEmbedding : Eigenvectors of the Laplacian, which lose the scale.

    References
    ----------
    .. [1] G. Huguet, A. Tong, E. De Brouwer, Y. Zhang, G. Wolf, I. Adelstein and
       S. Krishnaswamy, "A heat diffusion perspective on geodesic preserving dimensionality
       reduction", NeurIPS 2023.

    Examples
    --------
    >>> from skmanifold import HeatGeodesicEmbedding
    >>> from skmanifold.datasets import make_swiss_roll
    >>> from skmanifold.metrics import geodesic_correlation
    >>> roll = make_swiss_roll(1000, noise=0.5, random_state=0)
    >>> embedder = HeatGeodesicEmbedding(random_state=0)
    >>> embedding = embedder.fit_transform(roll.X)
    >>> embedding.shape
    (1000, 2)
    >>> geodesic_correlation(roll.geodesic_distances, embedding) > 0.98
    True
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 2, None, closed="left")],
        "graph": [StrOptions({"snn", "self_tuning", "alpha_decay", "knn", "jaccard"})],
        "metric": [str, callable],
        "decay": [Interval(Real, 0, None, closed="neither")],
        "laplacian": [StrOptions({"geodesic", "normalized", "combinatorial"})],
        "t": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "heat_method": [StrOptions({"positive", "chebyshev", "exact"})],
        "dissimilarity": [
            StrOptions({"geodesic", "varadhan", "squared_varadhan", "potential", "diffusion"})
        ],
        "volume_correction": [Interval(Real, 0, None, closed="left")],
        "denoising": [Interval(Real, 0, 1, closed="both")],
        "max_smoothing": [Interval(Integral, 0, None, closed="left")],
        "n_landmarks": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left"), None],
        "prune": [StrOptions({"auto"}), "boolean"],
        "mds": [StrOptions({"smacof", "classical", "sgd"})],
        "mds_weights": [StrOptions({"heat"}), Interval(Real, 0, None, closed="left"), None],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_components=2,
        *,
        n_neighbors=15,
        graph="snn",
        metric="euclidean",
        decay=40,
        laplacian="geodesic",
        t="auto",
        heat_method="positive",
        dissimilarity="geodesic",
        volume_correction=1.0,
        denoising=0.0,
        max_smoothing=3,
        n_landmarks="auto",
        prune="auto",
        mds="smacof",
        mds_weights=None,
        device="auto",
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.graph = graph
        self.metric = metric
        self.decay = decay
        self.laplacian = laplacian
        self.t = t
        self.heat_method = heat_method
        self.dissimilarity = dissimilarity
        self.volume_correction = volume_correction
        self.denoising = denoising
        self.max_smoothing = max_smoothing
        self.n_landmarks = n_landmarks
        self.prune = prune
        self.mds = mds
        self.mds_weights = mds_weights
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit(self, X, y=None):
        """Learn the landmarks, their heat distances and their embedding.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or (n_samples, n_samples)
            Features; with ``metric="precomputed"`` a matrix of distances, or a sparse matrix
            whose stored entries are the lengths of the edges of a graph.
        y : None
            Ignored.

        Returns
        -------
        self : HeatGeodesicEmbedding
        """
        X = self._validated(X, self.metric, reset=True)
        device, seed = resolve_device(self.device), draw_seed(self.random_state)
        with fit_steps(self, 5, X) as step:
            with step("landmarks"):
                system = coordinate_system(X, self.metric, seed)
                space = self._landmark_space(X, system, device, seed)
            with step("graph"):
                weights, lengths = self._weighted_graph(space)
                parts = component_labels(weights)
            with step("heat distances"):
                kernel, distances, t = self._heat(weights, lengths, parts, space, device)
            with step("scaling"):
                points, stress, n_iter = layout(
                    distances,
                    kernel,
                    parts,
                    self.n_components,
                    mds=self.mds,
                    mds_weights=self.mds_weights,
                    seed=seed,
                )
            with step("embedding of all points"):
                fitted = SimpleNamespace(
                    landmarks_=space.landmarks,
                    landmark_distances_=to_numpy(distances),
                    landmark_embedding_=points,
                    graph_=weights,
                    n_graph_components_=int(parts.max()) + 1,
                    intrinsic_dim_=space.dim,
                    noise_variance_=space.noise_variance,
                    t_=t,
                    stress_=stress,
                    n_iter_=n_iter,
                    _origin=system[0],
                    _axes=system[1],
                    _metric="graph" if issparse(X) else self.metric,
                    _parts=parts,
                    _squares=space.squares,
                )
                embedding, components = self._embedded(X, fitted)
        # All at once and last: a fit that fails leaves an earlier one as it was.
        vars(self).update(vars(fitted), embedding_=embedding, graph_components_=components)
        if self.n_graph_components_ > 1:
            warn_user(
                f"The neighbor graph falls apart into {describe_components(components)}. They are "
                "embedded side by side and the distances between them are infinite. A larger "
                f"n_neighbors (now {self.n_neighbors}) may join them."
            )
        return self

    def fit_transform(self, X, y=None):
        """Fit and return the embedding of the training points: ``fit(X).transform(X)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or (n_samples, n_samples)
            See `fit`.
        y : None
            Ignored.

        Returns
        -------
        embedding : ndarray of shape (n_samples, n_components)
        """
        return self.fit(X).embedding_

    def transform(self, X):
        """Embed new points where the landmarks around them predict them to be.

        A point's place depends on that point and the fitted landmarks alone: any batching gives
        the same result.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, n_samples)
            Features; with ``metric="precomputed"``, distances to the points of `fit`.

        Returns
        -------
        embedding : ndarray of shape (n_queries, n_components)

        Raises
        ------
        ValueError
            If the estimator was fitted on a sparse graph, to which new points have no distances.
        """
        check_is_fitted(self)
        return self._embedded(self._new_points(X), self)[0]

    def geodesic_distances(self, X, Y=None):
        """Geodesic distances between points, interpolated from those of the landmarks.

        The squared distances are interpolated, as those of points between the landmarks in the
        (pseudo-)Euclidean space that the landmarks' distances span: a point is at distance 0 of
        itself, and points near two landmarks are about as far apart as these.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, n_samples)
            As for `transform`.
        Y : array-like of shape (n_others, n_features), or (n_others, n_samples), default=None
            None stands for `X`.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_others)
            Infinite between components of the graph; in units of the data with the default
            `dissimilarity`.
        """
        check_is_fitted(self)
        first = self._interpolation(self._new_points(X))
        second = first if Y is None else self._interpolation(self._new_points(Y))
        squares = np.where(np.isfinite(self.landmark_distances_), self.landmark_distances_, 0) ** 2
        left, right = (half_squares(weights, squares) for weights in (first, second))
        own = components_of(second, self._parts)
        distances = np.empty((first.shape[0], second.shape[0]), dtype=self.embedding_.dtype)
        for rows in row_chunks(len(distances), 8 * (2 * len(squares) + 3 * second.shape[0])):
            crossed = (second @ (first[rows] @ squares).T).T
            block = np.sqrt(np.maximum(crossed - left[rows, None] - right, 0.0))
            apart = components_of(first[rows], self._parts)[:, None] != own
            distances[rows] = np.where(apart, np.inf, block)
        return distances

    def _validated(self, X, metric, *, reset):
        """The data as a float array, or a sparse graph where the metric is precomputed."""
        X = validate_data(
            self,
            X,
            accept_sparse="csr" if metric == "precomputed" else False,
            dtype=[np.float64, np.float32],
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        if metric == "precomputed":
            if reset:
                check_square(X)
            check_not_negative(X.data if issparse(X) else X)
            if reset and not issparse(X):
                check_symmetric(X)
        return X

    def _new_points(self, X):
        """Validated points to place among the fitted landmarks."""
        if self._metric == "graph":
            raise ValueError(
                "This estimator was fitted on a sparse graph, to which new points have no "
                "distances; use embedding_, or fit on features or on a dense matrix."
            )
        X = self._validated(X, self._metric, reset=False)
        if issparse(X):
            raise ValueError("transform needs a dense matrix of distances to the fitted points.")
        return X

    def _landmark_space(self, X, system, device, seed):
        """Landmarks of the data and their neighbours."""
        n_landmarks = {"auto": N_AUTO_LANDMARKS, None: X.shape[0]}.get(
            self.n_landmarks, self.n_landmarks
        )
        if issparse(X):
            return graph_space(X, n_landmarks, seed=seed)
        parallel = {"seed": seed, "device": device, "n_jobs": self.n_jobs}
        if self.metric == "precomputed":
            return matrix_space(X, n_landmarks, self.n_neighbors, **parallel)
        if not is_euclidean(self.metric):
            return metric_space(X, n_landmarks, self.n_neighbors, self.metric, **parallel)
        if n_landmarks < len(X):
            X = sample_rows(X, max(N_DENOISED, n_landmarks), seed)
        X = coordinates(X, self.metric, *system)
        return euclidean_space(
            X,
            n_landmarks,
            self.n_neighbors,
            fewer=self.n_landmarks == "auto",
            max_rounds=self.max_smoothing,
            **parallel,
        )

    def _weighted_graph(self, space):
        """Affinities of the landmarks, and the lengths of the same edges."""
        if self.graph == "alpha_decay":
            distances = np.sqrt(space.squares)
            weights = alpha_decay_affinity(
                distances, space.scales, decay=self.decay, metric="precomputed"
            )
            rows, columns, _ = edges(weights)
            lengths = (distances[rows, columns], (rows, columns))
            return weights, csr_array(lengths, shape=weights.shape)
        prune = not space.given if self.prune == "auto" else self.prune
        lengths = pruned_graph(space.neighbors) if prune else union_graph(space.neighbors)
        if prune:
            lengths = without_bridges(lengths, jaccard_affinity(lengths, space.neighbors))
        if self.graph == "knn":
            return connectivity(lengths), lengths
        if self.graph == "jaccard":
            return jaccard_affinity(lengths, space.neighbors), lengths
        if self.graph == "self_tuning":
            return self_tuning_affinity(lengths, space.scales), lengths
        return snn_affinity(lengths, space.neighbors, space.scales), lengths

    def _heat(self, weights, lengths, parts, space, device):
        """Kernel and dissimilarities, a component at a time, and the time of the largest.

        Components may differ in scale: each has a time and a unit of length of its own.
        """
        kernel = torch.zeros(weights.shape, dtype=torch.float64, device=device)
        distances, times = torch.full_like(kernel, torch.inf), []
        for part in members(parts):
            inside = np.ix_(part, part)
            kernel[inside], distances[inside], t = component_heat(
                weights[part][:, part],
                lengths[part][:, part],
                space.dim,
                space.noise_share,
                device,
                self.get_params(),
            )
            times.append(t)
        return kernel, distances, times[0]

    def _weight_blocks(self, X, fitted):
        """Blocks of rows with the weights that interpolate from the landmarks to them."""
        metric, n_nearest = fitted._metric, min(N_NEAREST, len(fitted._parts))
        if metric == "graph":
            on_graph = nearest_landmarks(union_graph(X), fitted.landmarks_, n_nearest)
        row_bytes = 8 * (n_nearest * (3 * X.shape[1] + 4 * n_nearest) + len(fitted._parts))
        for rows in row_chunks(X.shape[0], row_bytes):
            if metric == "graph":
                near = on_graph[0][rows] ** 2, on_graph[1][rows]
            elif metric == "precomputed":
                near = nearest_by_distance(X[rows][:, fitted.landmarks_], n_nearest)
            else:
                near = nearest_by_features(
                    coordinates(X[rows], metric, fitted._origin, fitted._axes),
                    fitted.landmarks_,
                    n_nearest,
                    "euclidean" if is_euclidean(metric) else metric,
                    resolve_device(self.device),
                    self.n_jobs,
                )
            yield (
                rows,
                smoothing_weights(
                    *near,
                    fitted._squares,
                    fitted._parts,
                    noise_variance=fitted.noise_variance_,
                    # Distances of other metrics need not fit into a plane: they are trusted less.
                    ridge=1e-3 if is_euclidean(metric) else 0.1,
                ),
            )

    def _interpolation(self, X):
        """All weights, of shape (n_points, n_landmarks)."""
        return vstack([weights for _, weights in self._weight_blocks(X, self)], format="csr")

    def _embedded(self, X, fitted):
        """Embedding of points in the dtype of `X`, and the component that each lies in."""
        n_components = fitted.landmark_embedding_.shape[1]
        embedding = np.empty((X.shape[0], n_components), dtype=X.dtype)
        components = np.empty(X.shape[0], dtype=np.intp)
        for rows, weights in self._weight_blocks(X, fitted):
            embedding[rows] = weights @ fitted.landmark_embedding_
            components[rows] = components_of(weights, fitted._parts)
        return embedding, components

    @property
    def _n_features_out(self):
        return self.landmark_embedding_.shape[1]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = self.metric == "precomputed"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
