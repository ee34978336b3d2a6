"""Clusters and a representation in which each is a subspace, learnt at once by coding rates."""

from copy import deepcopy
from numbers import Integral, Real

import numpy as np
import torch
from scipy.sparse import csr_array, eye_array
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.cluster._equal_rows import agreed, equal_row
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
from skmanifold.nn import coding_rate, first_says, new_accelerator, partition_rate
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
    """Clusters on curved manifolds, and a representation in which each is a subspace.

    A small network learns features of unit norm for which coding rates [1]_ say that the data
    as a whole take much room and each cluster takes little: clusters become low-dimensional
    subspaces at right angles to each other. Labels, features and a map for new samples come from
    one fit [2]_, of rows of numbers, features of a pretrained network, or images.

    The first stage (warm-up) spreads the features and holds each sample near its neighbours. The
    second (refinement) learns a soft membership, which samples belong together, and lets each
    cluster shrink. Then a sparse neighbour graph whose edges weigh how alike two samples are
    represented is cut into clusters. No array of size n_samples x n_samples is formed.

    Where clusters are round, k-means does as well in no time; where a neighbour graph tells them
    apart, so does spectral clustering. See the user guide for when this pays.

    Parameters
    ----------
    n_clusters : int or "auto", default=8
        Number of clusters. "auto", which is experimental, tries 1 to 30 on the graph of the first
        stage and takes what makes the coding length of the features least [3]_. The minimum is
        flat: look at its neighbours, too.
    n_components : int, default=64
        Length of the features. Room for the subspaces of all clusters: more for hundreds of
        clusters.
    hidden_dim : int, default=256
        Width of the default networks.
    module : torch Module, callable or None, default=None
        Encoder of a batch of samples, of which it returns rows (batch, n_hidden), of any
        length; two linear heads are put upon it. A module is copied and keeps its weights, so that
        it may be pretrained. A class or function is called with the number of features, or with
        (channels, height, width), and makes one. None is two layers with batch norms for rows,
        and a small residual network for images.
    augmentation : {"neighbors", "noise", "dropout"}, callable or None, default="neighbors"
        What a view of a sample is, that should be represented alike. "neighbors": one of its
        `n_neighbors` nearest samples, the best by far for rows of numbers. "noise": with normal
        noise of a tenth of the spread of all features. "dropout": with a fifth of its features
        at their mean. None: itself. A callable ``augmentation(batch, generator)`` takes a tensor
        of samples and a `torch.Generator` on the CPU and returns a tensor of the same shape;
        ``skmanifold.nn`` has some for images. Rows come centred, and rows and images divided by
        their spread.
    n_neighbors : int, default=10
        Neighbours in the input, of "neighbors": views of a sample, edges of the graph that is cut,
        and voters on a new sample. At most ``n_samples - 1`` are used.
    membership_temperature : "auto" or float, default="auto"
        Temperature of the membership in training, in units of the cosine: the hyper-parameter that
        matters most. "auto" sets it before each epoch so that a row of the membership spreads
        over half of the samples that a cluster has in a batch.
    label_neighbors : int, default=30
        Most similar samples in what was learnt. They join parts of the neighbour graph where these
        are more than the clusters. With another augmentation than "neighbors" they are the graph.
    eps_sq : float, default=0.1
        Squared distortion of the coding rates, of features of norm 1.
    pretrain_epochs : int, default=40
        Most epochs of the first stage. Small samples take more, up to 200 steps.
    max_iter : int, default=12
        Most epochs of the second stage.
    batch_size : int, default=512
        Most samples in a batch; the membership is that of a batch, which should hold some 50
        samples of each cluster.
    n_columns : int, default=128
        Columns of the membership that a step draws. The gradient is unbiased with any number;
        128 cost a quarter of 512 and the labels are as good.
    n_views : int, default=2
        Views of a sample in a batch.
    lr : float, default=1e-3
        Learning rate of Adam.
    refine : "auto" or bool, default="auto"
        Whether to run the second stage. "auto" does not where the neighbour graph falls into
        `n_clusters` parts: then these are the clusters, and the second stage would only fold them,
        if they are long curves.
    warm_start : bool, default=False
        Begin from the weights of the last fit.
    early_stopping : bool, default=True
        End a stage once five epochs have gained less than `tol`; where they have more than 20
        batches, as many as make 100 steps, but two.
    tol : float, default=1e-3
        Least gain, as a share of the loss.
    callbacks : list of skorch callbacks or None, default=None
        Told of every epoch and batch of both stages; copies are used, see ``net_.callbacks``.
        Callbacks of scikit-learn are set with `set_callbacks`.
    accelerator : callable or None, default=None
        Makes an `accelerate.Accelerator`, for several processes, GPUs or hosts, or mixed precision:
        that class, or a `functools.partial` of it. Each process has a part of every batch, and a
        membership of that part: raise `batch_size` by their number. An interrupt then ends the fit.
        It needs the extra ``distributed``.
    device : str or torch.device, default="auto"
        Where to work: "auto" is CUDA where there is one, else the CPU. Not used in training with
        an `accelerator`.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, batches and views.
    verbose : int, default=0
        1 prints the rates of each epoch.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training sample, 0 for the largest.
    embedding_ : ndarray of shape (n_samples, n_components)
        Features of the training samples, of unit norm.
    cluster_subspaces_ : list of ndarray of shape (n_components, dim_k)
        For each cluster an orthonormal basis of the subspace that holds 95% of the energy of its
        features, the most important axis first.
    rate_history_ : dict of ndarray of shape (`n_iter_`,)
        Of each epoch: "stage", 1 or 2; "rate", the coding rate R of a batch, in nats;
        "cluster_rate", that of its membership, NaN in the first stage.
    temperature_ : float or None
        Temperature of the membership at the end; None where there was no second stage.
    n_iter_ : int
        Epochs of both stages.
    refined_ : bool
        Whether the second stage ran.
    n_clusters_ : int
        Number of clusters.
    net_ : skorch.NeuralNet
        The net that was trained, whose ``history`` has each batch. An unpickled estimator makes it
        of its weights, without history.
    n_features_in_ : int
        Number of features, or of channels of images.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if they have any.

    Raises
    ------
    ValueError, FloatingPointError
        See `fit`.

    See Also
    --------
    sklearn.cluster.SpectralClustering : Cuts a neighbour graph, learns nothing.
    skmanifold.embedding.HeatGeodesicEmbedding : Draws manifolds by their distances.
    skmanifold.plotting.RateDisplay : Picture of the training.
    skmanifold.plotting.SubspaceDisplay : Picture of the subspaces.

    References
    ----------
    .. [1] Y. Yu, K. Chan, C. You, C. Song and Y. Ma, "Learning diverse and discriminative
       representations via the principle of maximal coding rate reduction", NeurIPS 2020.
    .. [2] T. Ding, S. Tong, K. Chan, X. Dai, Y. Ma and B. Haeffele, "Unsupervised manifold
       linearizing and clustering", ICCV 2023.
    .. [3] Y. Ma, H. Derksen, W. Hong and J. Wright, "Segmentation of multivariate mixed data via
       lossy data coding and compression", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 29, 2007.

    Examples
    --------
    Three rings around each other, which k-means cuts across:

    >>> from skmanifold import MCRClustering
    >>> from skmanifold.datasets import make_clusters
    >>> from skmanifold.metrics import clustering_accuracy
    >>> X, y = make_clusters("circles", 600, random_state=0)
    >>> rings = MCRClustering(n_clusters=3, random_state=0).fit(X)
    >>> clustering_accuracy(y, rings.labels_)
    1.0
    >>> rings.transform(X[:5]).shape
    (5, 64)
    >>> bool((rings.predict(X) == rings.labels_).all())
    True
    """

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
        "batch_size": [Interval(Integral, 3, None, closed="left")],
        "n_columns": [Interval(Integral, 1, None, closed="left")],
        "n_views": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "refine": [StrOptions({"auto"}), "boolean"],
        "warm_start": ["boolean"],
        "early_stopping": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "callbacks": [list, None],
        "accelerator": "no_validation",  # `new_accelerator` says more
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
            another shape than it should, or NaN; if `accelerator` makes none, or is one.
        FloatingPointError
            If the loss is not finite even at a 32nd of `lr`.

        Warns
        -----
        ConvergenceWarning
            If `lr` was halved because the loss was not finite, if an interrupt ended the training
            early, or if there are fewer clusters than asked for.
        """
        X = self._validated(X, reset=True)
        accelerator = new_accelerator(self.accelerator)
        self._check_settings(X, getattr(accelerator, "num_processes", 1))
        device = resolve_device(self.device)
        seed = first_says(draw_seed(self.random_state), accelerator)
        frame = sample_frame(X)
        points = in_frame(X, *frame)
        n_epochs = n_warm_up_epochs(self.pretrain_epochs, len(X), self.batch_size)
        with fit_steps(self, n_epochs + self.max_iter + 2, X) as step:
            with step("neighbors"):
                indices = self._neighbors(points, device)
                training = self._new_training(points, indices, device, seed, accelerator)
            training.warm_up(n_epochs, step)
            n_clusters = self._counted(training, points, indices, device, seed)
            # Rounding must not lead processes apart.
            n_clusters = first_says(n_clusters, accelerator)
            if first_says(self._wants_refinement(indices, n_clusters), accelerator):
                training.refine(n_clusters, self.max_iter, step)
            with step("labels"):
                net = training.finished()
                features, clusters = features_of(net.module_, points, device)
                graph = self._graph(indices, clusters, n_clusters, device)
                labels = agreed(spectral_labels(graph, n_clusters, seed, device), X)
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
        self._sizes = {"n_components": self.n_components, "hidden_dim": self.hidden_dim}
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
        shares : ndarray of shape (n_queries, `n_clusters_`)
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
        # With loops, each sample being like itself, any graph can be scaled.
        return sparse_symmetric_sinkhorn(csr_array(graph + eye_array(len(X), format="csr")))

    @property
    def net_(self):
        """The skorch net that was trained; in an unpickled estimator, made again of its weights."""
        check_is_fitted(self)
        if self._net is None:
            module = new_module(self._encoder, self._sample_shape, seed=0, **self._sizes)
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

    def _check_settings(self, X, n_processes):
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
        if min(self.batch_size, len(X)) // n_processes < self.n_clusters:
            raise ValueError(
                f"batch_size={self.batch_size} and n_samples={len(X)} leave each of {n_processes} "
                f"processes fewer samples of a batch than n_clusters={self.n_clusters}."
            )

    def _neighbors(self, points, device):
        """Indices of the nearest samples of each, where they are what a sample may become."""
        if self.augmentation != "neighbors":
            return None
        rows = points.reshape(len(points), -1)
        n_neighbors = min(self.n_neighbors, len(rows) - 1)
        return kneighbors(rows, n_neighbors, device=device)[1]

    def _new_training(self, points, indices, device, seed, accelerator):
        """Network, views of the samples, and loss."""
        samples = to_tensor(points, device=device, dtype=torch.float32)
        sizes = {"n_components": self.n_components, "hidden_dim": self.hidden_dim}
        module = new_module(self.module, points.shape[1:], seed=seed, **sizes)
        if self.warm_start and hasattr(self, "_weights"):
            load_weights(module, self._weights)
        neighbors = None if indices is None else torch.from_numpy(indices)
        params = self.get_params(deep=False)
        return Training(module, samples, neighbors, params, seed, accelerator)

    def _graph(self, indices, clusters, n_clusters, device):
        """The graph to cut: of neighbours in the input, or in what was learnt."""
        n_similar = min(self.label_neighbors, len(clusters) - 1)
        if indices is None:
            indices = most_similar(clusters, n_similar, device=device)
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
        for chunk in row_chunks(len(rows), 8 * indices.shape[1] * clusters.shape[1]):
            near = indices[chunk]
            weights = neighbor_weights(clusters[chunk], self._clusters, near)
            np.add.at(shares[chunk], (np.arange(len(near))[:, None], self.labels_[near]), weights)
        shares /= shares.sum(axis=1, keepdims=True)
        # Neighbours may leave out a sample itself, where many are equally near.
        places = equal_row(rows, self._X)
        shares[places >= 0] = np.eye(self.n_clusters_)[self.labels_[places[places >= 0]]]
        return shares

    def _neighbors_of_new(self, X, clusters):
        """Indices of the training samples that vote for each row."""
        device = resolve_device(self.device)
        if self._graph_is_of_input:
            known, rows = (self._flat_in_frame(samples) for samples in (self._X, X))
            n_neighbors = min(self.n_neighbors, len(known))
            return kneighbors(known, n_neighbors, queries=rows, device=device)[1]
        n_similar = min(self.label_neighbors, len(self._clusters))
        return most_similar(self._clusters, n_similar, queries=clusters, device=device)

    def _flat_in_frame(self, X):
        """Rows about the origin, where distances lose no digits."""
        points = in_frame(X.reshape(len(X), *self._sample_shape), *self._frame)
        return points.reshape(len(points), -1)

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
