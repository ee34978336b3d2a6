"""Clusters and a representation in which each is a subspace, learnt at once by coding rates."""

from copy import deepcopy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.cluster._label_graph import (
    found_n_clusters,
    label_graph,
    most_similar,
    neighbor_weights,
    spectral_labels,
    warn_of_fewer,
    weighted_graph,
)
from skmanifold.cluster._representation import features_of, in_frame, sample_frame, subspaces
from skmanifold.cluster._training import (
    Training,
    load_weights,
    loaded_net,
    n_warm_up_epochs,
    new_module,
    weights_of,
)
from skmanifold.graph import component_labels, kneighbors
from skmanifold.linalg import sparse_symmetric_sinkhorn
from skmanifold.nn import coding_rate, partition_rate
from skmanifold.utils import (
    draw_seed,
    fit_steps,
    resolve_device,
    row_chunks,
    to_tensor,
    undone_on_failure,
    warn_user,
)
from skmanifold.utils._sklearn import Interval, StrOptions, fit_context


class MCRClustering(
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    ClusterMixin,
    ManifoldEstimator,
):
    """DOC"""

    _parameter_constraints = {
        "n_clusters": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_dim": [Interval(Integral, 1, None, closed="left")],
        "module": [callable, None],
        "augmentation": [StrOptions({"neighbors", "noise", "dropout"}), callable, None],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "membership_temperature": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "label_neighbors": [Interval(Integral, 1, None, closed="left")],
        "eps_sq": [Interval(Real, 0, None, closed="neither")],
        "pretrain_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "n_columns": [Interval(Integral, 1, None, closed="left")],
        "n_views": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "refine": [StrOptions({"auto"}), "boolean"],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "callbacks": [list, None],
        "accelerator": [callable, None],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        n_components=64,
        hidden_dim=256,
        module=None,
        augmentation="neighbors",
        n_neighbors=10,
        membership_temperature="auto",
        label_neighbors=30,
        eps_sq=0.1,
        pretrain_epochs=40,
        max_iter=12,
        batch_size=512,
        n_columns=128,
        n_views=2,
        lr=1e-3,
        refine="auto",
        warm_start=False,
        early_stopping=True,
        tol=1e-3,
        callbacks=None,
        accelerator=None,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.hidden_dim = hidden_dim
        self.module = module
        self.augmentation = augmentation
        self.n_neighbors = n_neighbors
        self.membership_temperature = membership_temperature
        self.label_neighbors = label_neighbors
        self.eps_sq = eps_sq
        self.pretrain_epochs = pretrain_epochs
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.n_columns = n_columns
        self.n_views = n_views
        self.lr = lr
        self.refine = refine
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.tol = tol
        self.callbacks = callbacks
        self.accelerator = accelerator
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit(self, X, y=None):
        """Learn the representation, then the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or (n_samples, channels, height, width)
            Rows of numbers, or images.
        y : None
            Ignored.

        Returns
        -------
        self : MCRClustering

        Raises
        ------
        ValueError
            If X has no more rows than clusters, or holds NaN or infinity; if `batch_size` is less
            than the number of clusters; if `module` or `augmentation` returns something of
            another shape than it should, or NaN.
        FloatingPointError
            If the loss is not finite even at a 32nd of `lr`.

        Warns
        -----
        ConvergenceWarning
            If `lr` was halved because the loss was not finite, if an interrupt ended the training
            early, or if there are fewer clusters than asked for.
        """
        X = self._validated(X, reset=True)
        self._check_settings(X)
        device, seed = resolve_device(self.device), draw_seed(self.random_state)
        frame = sample_frame(X)
        points = in_frame(X, *frame)
        n_epochs = n_warm_up_epochs(self.pretrain_epochs, len(X), self.batch_size)
        with fit_steps(self, n_epochs + self.max_iter + 2, X) as step:
            with step("neighbors"):
                indices = self._neighbors(points, device)
                training = self._new_training(points, indices, device, seed)
            training.warm_up(n_epochs, step)
            n_clusters = self._counted(training, points, indices, device, seed)
            if self._wants_refinement(indices, n_clusters):
                training.refine(n_clusters, self.max_iter, step)
            with step("labels"):
                net = training.finished()
                features, clusters = features_of(net.module_, points, device)
                graph = self._graph(indices, clusters, n_clusters, device)
                labels = spectral_labels(graph, n_clusters, seed, device)
        # All at once and last: a fit that fails leaves an earlier one as it was.
        self.labels_ = labels
        self.n_clusters_ = n_clusters
        self.embedding_ = features.astype(X.dtype)
        self.cluster_subspaces_ = subspaces(features, labels, n_clusters)
        self.rate_history_ = training.history.as_arrays()
        self.temperature_ = training.temperature
        self.n_iter_ = len(training.history.rate)
        self.refined_ = 2 in training.history.stage
        self._frame, self._X, self._clusters = frame, X.reshape(len(X), -1).copy(), clusters
        self._sample_shape, self._net = X.shape[1:], net
        self._graph_is_of_input = indices is not None
        self._encoder, self._weights = deepcopy(self.module), weights_of(net.module_)
        warn_of_fewer(labels, n_clusters)
        if training.interrupted:
            warn_user(
                f"The training was interrupted after {self.n_iter_} epochs: labels and "
                "representation are those of what had been learnt.",
                ConvergenceWarning,
            )
        return self

    def fit_transform(self, X, y=None):
        """Fit and return the representation of the training samples: ``fit(X).transform(X)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or (n_samples, channels, height, width)
        y : None
            Ignored.

        Returns
        -------
        embedding : ndarray of shape (n_samples, n_components)
        """
        return self.fit(X).embedding_.copy()

    def transform(self, X):
        """Represent samples by features of unit norm, in which each cluster is a subspace.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, channels, height, width)

        Returns
        -------
        embedding : ndarray of shape (n_queries, n_components)
            A sample's features depend on that sample alone.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        return self._features(in_frame(X, *self._frame))[0].astype(X.dtype)

    def predict(self, X):
        """Cluster of each sample: what most of its neighbours among the training samples have.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, channels, height, width)

        Returns
        -------
        labels : ndarray of shape (n_queries,)
            Those of training samples are their ``labels_``.
        """
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X):
        """Share of each cluster among the neighbours of a sample, by how alike they are.

        Neighbours weigh ``exp((|c . c_j| - 1) / 0.1)`` with the cluster features c. A sample that
        equals training samples has their cluster.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, channels, height, width)

        Returns
        -------
        shares : ndarray of shape (n_queries, n_clusters_)
            Rows sum to 1.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        return self._votes(X, self._features(in_frame(X, *self._frame))[1])

    def score(self, X, y=None):
        """Rate reduction: how many nats the clusters save, of what the features take as a whole.

        Needs no labels; higher is better, for features of one `n_components` and `eps_sq`.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, channels, height, width)
        y : None
            Ignored.

        Returns
        -------
        rate_reduction : float
            ``R(Z) - R_c(Z)`` with the clusters of `predict`; 0 for a single cluster.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        features, clusters = self._features(in_frame(X, *self._frame))
        labels = self._votes(X, clusters).argmax(axis=1)
        Z = to_tensor(features)
        one_hot = torch.eye(self.n_clusters_, dtype=Z.dtype)[to_tensor(labels)]
        return float(coding_rate(Z, self.eps_sq) - partition_rate(Z, one_hot, self.eps_sq))

    def membership(self, X):
        """Which samples belong together: the doubly stochastic graph that is cut into clusters.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), or (n_queries, channels, height, width)
            At least two samples, of which the graph is built anew.

        Returns
        -------
        membership : csr_array of shape (n_queries, n_queries)
            Symmetric; rows sum to 1.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False, fewest=2)
        device, points = resolve_device(self.device), in_frame(X, *self._frame)
        clusters = self._features(points)[1]
        graph = self._graph(self._neighbors(points, device), clusters, self.n_clusters_, device)
        return sparse_symmetric_sinkhorn(graph)

    @property
    def net_(self):
        """The skorch net that was trained; in an unpickled estimator, made again of its weights."""
        check_is_fitted(self)
        if self._net is None:
            module = self._fresh_module(self._encoder, self._sample_shape, seed=0)
            self._net = loaded_net(module, self._weights)
        return self._net

    def _validated(self, X, *, reset, fewest=1):
        """Samples as a float array: rows of numbers, or images."""
        X = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            allow_nd=True,
            ensure_min_samples=2 if reset else fewest,
            reset=reset,
        )
        if X.ndim not in (2, 4) and self.module is None:
            raise ValueError(
                f"Found array with dim {X.ndim}: X has shape {X.shape}; it must be (n_samples, "
                "n_features), or (n_samples, channels, height, width) for images. Other shapes "
                "need a module that takes them."
            )
        if not reset and X.shape[1:] != self._sample_shape:
            raise ValueError(
                f"Samples of shape {X.shape[1:]} came, but those of fit had {self._sample_shape}."
            )
        return X

    def _check_settings(self, X):
        """Parameters that have to fit each other, or the data."""
        if self.n_clusters == "auto":
            return
        if len(X) <= self.n_clusters:
            raise ValueError(
                f"n_samples={len(X)} must be larger than n_clusters={self.n_clusters}."
            )
        if self.batch_size < self.n_clusters:
            raise ValueError(
                f"batch_size={self.batch_size} is less than n_clusters={self.n_clusters}: a batch "
                "could not hold a sample of each. Some 50 samples for each cluster are advisable."
            )

    def _neighbors(self, points, device):
        """Indices of the nearest samples of each, where they are what a sample may become."""
        if self.augmentation != "neighbors":
            return None
        rows = points.reshape(len(points), -1)
        n_neighbors = min(self.n_neighbors, len(rows) - 1)
        return kneighbors(rows, n_neighbors, device=device)[1]

    def _fresh_module(self, encoder, sample_shape, seed, samples=None):
        if samples is None:
            samples = torch.zeros(2, *sample_shape)
        return new_module(
            encoder,
            sample_shape,
            samples,
            n_components=self.n_components,
            hidden_dim=self.hidden_dim,
            seed=seed,
        )

    def _new_training(self, points, indices, device, seed):
        """Network, views of the samples, and loss."""
        samples = to_tensor(points, device=device, dtype=torch.float32)
        module = self._fresh_module(self.module, points.shape[1:], seed, samples[:2].cpu())
        if self.warm_start and hasattr(self, "_weights"):
            load_weights(module, self._weights)
        neighbors = None if indices is None else torch.from_numpy(indices)
        return Training(module, samples, neighbors, self.get_params(deep=False), seed)

    def _graph(self, indices, clusters, n_clusters, device):
        """The graph to cut: of neighbours in the input, or in what was learnt."""
        n_similar = min(self.label_neighbors, len(clusters) - 1)
        if indices is None:
            return weighted_graph(most_similar(clusters, n_similar, device=device), clusters)
        return label_graph(indices, clusters, n_clusters, n_similar, device)

    def _counted(self, training, points, indices, device, seed):
        """The number of clusters, found by the coding length where it is not given."""
        if self.n_clusters != "auto":
            return self.n_clusters
        features, clusters = features_of(training.heads(), points, device)
        graph = self._graph(indices, clusters, len(points), device)
        return found_n_clusters(graph, features, self.eps_sq, seed, device)

    def _wants_refinement(self, indices, n_clusters):
        """Whether to run the second stage; not where the neighbour graph has settled the clusters.

        Long curves that do not touch are such a case, and the second stage would fold them.
        """
        if self.refine != "auto" or indices is None:
            return bool(self.refine)
        edges = weighted_graph(indices, np.ones((len(indices), 1)))
        return component_labels(edges).max() + 1 != n_clusters

    def _features(self, points):
        return features_of(self.net_.module_, points, resolve_device(self.device))

    def _votes(self, X, clusters):
        """Shares of clusters among the neighbours of each row."""
        rows = X.reshape(len(X), -1)
        indices = self._neighbors_of_new(X, clusters)
        shares = np.zeros((len(rows), self.n_clusters_))
        for chunk in row_chunks(len(rows), 8 * indices.shape[1] * (rows.shape[1] + clusters.shape[1])):
            near = indices[chunk]
            weights = neighbor_weights(clusters[chunk], self._clusters, near)
            same = (rows[chunk, None] == self._X[near]).all(axis=2)
            weights = np.where(same.any(axis=1, keepdims=True), same, weights)
            np.add.at(shares[chunk], (np.arange(len(near))[:, None], self.labels_[near]), weights)
        return shares / shares.sum(axis=1, keepdims=True)

    def _neighbors_of_new(self, X, clusters):
        """Indices of the training samples that vote for each row."""
        device = resolve_device(self.device)
        if self._graph_is_of_input:
            rows, known = (in_frame(Y.reshape(len(Y), *self._sample_shape), *self._frame) for Y in (X, self._X))
            rows, known = rows.reshape(len(rows), -1), known.reshape(len(known), -1)
            n_neighbors = min(self.n_neighbors, len(known))
            return kneighbors(known, n_neighbors, queries=rows, device=device)[1]
        n_similar = min(self.label_neighbors, len(self._clusters))
        return most_similar(self._clusters, n_similar, queries=clusters, device=device)

    @property
    def _n_features_out(self):
        return self.embedding_.shape[1]

    def __getstate__(self):
        state = super().__getstate__()
        # Weights are kept as arrays; a net, with its optimizer and callbacks, is made of them.
        return {**state, "_net": None} if "_net" in state else state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
