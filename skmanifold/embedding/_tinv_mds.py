"""Canonical, transformation-invariant coordinates of point clouds."""

import re
from contextlib import nullcontext
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.embedding._cloud_outputs import (
    CERTAINTY,
    all_frames,
    certainty,
    cloud_report,
    invariant_features,
    sign_flips,
)
from skmanifold.embedding._clouds import (
    FLOATS,
    Gathered,
    chunks,
    padded,
    read_batch,
    told_of,
    unflattened,
)
from skmanifold.embedding._distance_input import (
    check_distances,
    check_not_negative,
    check_squares,
)
from skmanifold.exceptions import DegenerateFrameWarning
from skmanifold.frames import (
    Rules,
    canonical_clouds,
    draw_frequencies,
    n_cloud_features,
    one_distance_frame,
    one_frame,
    scaled_clouds,
)
from skmanifold.utils import (
    coordinates_at_once,
    draw_seed,
    fit_steps,
    is_batch,
    resolve_device,
    to_numpy,
    to_tensor,
    torch_generator,
    undone_on_failure,
    warn_user,
)
from skmanifold.utils._sklearn import Interval, StrOptions, fit_context, output_config

CPU = torch.device("cpu")
MOST_FRAME_AXES = 10  # 1024 copies of every cloud
PER_POINT = ("points", "frames")
FORMS = {
    "cloud": "one cloud, a 2-D array of points",
    "flat": "rows that hold a cloud each",
    "batch": "a batch of clouds, a 3-D array or a list of 2-D arrays (X[None] for one cloud)",
}


class TinvMDS(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, ManifoldEstimator
):
    """Coordinates of point clouds that no motion, mirror image, scaling or order of points changes.

    Classical scaling turns the distances between points back into points: those along the principal
    axes of the cloud. What the distances leave open is fixed by the cloud itself: the directions
    of the axes by moments, its size by the extent along the first axis. The result is the same for
    every rotated, reflected, shifted, scaled or reordered copy of a cloud.

    - A 2-D `X` is **one cloud**, each row a point. The frame is learned in `fit`, and `transform`
      places any points in it. A turned copy needs a fit of its own; or pass ``X[None]``.
    - A 3-D array or a list of 2-D arrays is a **batch of clouds**, each in a frame of its own.
      Nothing is learned from one cloud for another.
    - With `point_dim`, each row of a 2-D `X` is a cloud, flattened. Scikit-learn's tools that
      insist on 2-D data, and its Pipelines, then take clouds too.

    With ``output="features"``, a cloud becomes a vector of fixed length for any scikit-learn
    estimator. These features need no frame and also hold for clouds that have none.

    Read more in the :ref:`User Guide <tinv_mds>`.

    Parameters
    ----------
    n_components : int, default=None
        Axes to keep, those of largest extent. None keeps all: as many as points have coordinates
        (for one cloud at most ``n_samples``, as in :class:`~sklearn.decomposition.PCA`), and
        as many as there are points where distances are given.
    metric : {"euclidean", "precomputed"}, default="euclidean"
        With ``"precomputed"``, every cloud is a square matrix of distances.
    scale : {"max_eig", "trace"} or None, default="max_eig"
        What becomes 1: the root mean square of the coordinates along the first axis, or of the
        distances from the mean, which is steadier where the two largest extents are alike. None
        keeps units, so that size still tells clouds apart. Features are always those of the cloud
        scaled by ``"trace"``; None adds that size as a last one.
    sign : {"moment", "maxabs", "none"}, default="moment"
        Direction of the axes. ``"moment"``: the first of the third, fifth and seventh moments above
        `sign_tol` is positive; where an axis has none, joint moments with other axes decide.
        ``"maxabs"``: the coordinate of largest size is positive. ``"none"``: as the eigensolver
        gives them, which is no invariant.
    chiral : bool, default=False
        Whether mirror images shall differ. The frame is then right-handed, and moments fix all its
        signs but the last one. Needs every axis.
    output : {"points", "frames", "spectrum", "features"}, default="points"
        What `transform` returns for a cloud of n points and k axes:

        - ``"points"``: canonical coordinates, ``(n, k)``;
        - ``"frames"``: the coordinates in all ``F = 2**k`` frames that differ by signs (half of
          them if `chiral`), the canonical one first, ``(F, n, k)``. The mean of any function
          over them does not depend on signs;
        - ``"spectrum"``: root mean squares along the axes, ``(k,)``;
        - ``"features"``: ``45 k + 44`` numbers that do not depend on the order of points
          either, see Notes.

        All but ``"points"`` describe whole clouds and need a batch.
    point_dim : int, default=None
        Dimension of the points if each row of a 2-D `X` holds a cloud: the coordinates of its
        first point, of its second, and so on. Output is flattened alike.
    gap_tol : float, default=1e-6
        Relative gap between variances up to which two axes count as tied.
    sign_tol : float, default=1e-6
        Size of a moment, as a share of the mean size of its terms, up to which it does not
        decide; at least the square root of the precision of `X`, 3e-4 for float32. Both
        tolerances grow to what rounding may cause where that is more.
    batch_size : int or "auto", default="auto"
        Clouds to be worked on at a time. It changes speed and memory only; ``"auto"`` fills the
        processor's cache, or a GPU.
    device : str or torch.device, default="auto"
        Where the heavy work runs: ``"auto"`` is CUDA where there is one and the CPU elsewhere. It
        needs float64.
    random_state : int, RandomState instance or None, default=None
        Seed of the frequencies of ``output="features"``, which those of two fits must share to
        be compared. Nothing else is random.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of the cloud. This and the next three are there after a fit on one cloud only.
    components_ : ndarray of shape (n_components, n_features)
        Axes of the frame, with their signs; zeros where the cloud has no extent.
        ``transform(X)`` is ``(X - mean_) @ components_.T / scale_``, with ``-X**2 / 2`` in place
        of `X` where distances are given.
    scale_ : float
        The length that becomes 1, in units of the data.
    eigenvalues_ : ndarray of shape (n_components,)
        Variances along the axes, in units of the data.
    eigen_gap_ : ndarray of shape (n_components,) or (n_clouds, n_components)
        Gap between the variance along each axis and the next, as a share of the former. Near 0, the
        two axes are hardly determined; 0 if it is within `gap_tol` or rounding. Infinite for
        axes without extent.
    sign_margin_ : ndarray of shape (n_components,) or (n_clouds, n_components)
        Size of the moment that decided the direction of each axis, as a share of the mean size of
        its terms; 0 if none is above `sign_tol` and rounding. Infinite where there is nothing
        to decide.
    axis_error_ : ndarray of shape (n_components,) or (n_clouds, n_components)
        Standard error of the direction of each axis in radians, if the points are a random
        sample of a shape; at most a quarter turn.
    sign_error_ : ndarray of shape (n_components,) or (n_clouds, n_components)
        Chance that the direction of each axis is the opposite of that of the shape which the points
        are a random sample of, to first order, if nothing was known before. NaN for other rules
        than ``sign="moment"``.
    negative_energy_ : float or ndarray of shape (n_clouds,)
        Share of negative eigenvalues, by size, that no coordinates can show; 0 where distances
        are Euclidean.
    n_components_ : int
        Number of axes.
    n_features_in_ : int
        Number of features of the rows of a 2-D `X`; dimension of the clouds otherwise.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where a 2-D `X` had any.

    Warns
    -----
    DegenerateFrameWarning
        If clouds have no canonical frame, in ``output="points"`` and ``"frames"``.

    See Also
    --------
    tinv_mds : The same as a differentiable function of tensors.
    sklearn.decomposition.PCA : The axes of one cloud, with signs by the largest entry.
    sklearn.manifold.ClassicalMDS : The coordinates of one cloud from its distances.

    Notes
    -----
    Means and products are taken in float64, whatever the type of `X`. Clouds in float32 that lie
    far from the origin have lost digits before they get here.

    No frame of a cloud whose variances tie, or which a mirror or a half turn maps to itself,
    is better than some others, and no rule for frames is continuous near such clouds. The
    features are continuous at all clouds but those of a single place: axes share their
    coordinates' squares as far as their variances are alike.

    For k axes there are these features: k root mean squares along the axes; 12 quantiles of the
    size of each coordinate and of the radius; the mean of a wave ``cos(w_1 y_1) cos(w_2 y_2)
    ...`` for 32 frequencies ``w``, which is the mean embedding under the Gaussian kernel, averaged
    over frames; and the size of the mean of ``y_j`` times that wave for each axis j. Together
    these are ``45 k + 44``. `chiral` adds 96 that change their sign in mirror images, and
    ``scale=None`` adds the size of the cloud. They come in this order.

    Scikit-learn's tools take a batch of matrices of distances for a single matrix, and refuse it
    in cross-validation ("X should be a square kernel matrix"). Pass it as rows, with `point_dim`.

    References
    ----------
    .. [1] Z. Zhang, X. Wang, Z. Zhang, P. Cui and W. Zhu, "Revisiting Transformation Invariant
       Geometric Deep Learning: Are Initial Representations All You Need?", arXiv:2112.12345.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> from skmanifold import TinvMDS
    >>> from skmanifold.datasets import make_shapes, moved_clouds
    >>> aligned = make_shapes(130, random_state=0)
    >>> others = make_shapes(130, random_state=1)
    >>> moved = moved_clouds(others.X, random_state=2)
    >>> points = TinvMDS().fit_transform(others.X)
    >>> np.allclose(TinvMDS().fit_transform(moved), points)
    True
    >>> features = TinvMDS(output="features", random_state=0)
    >>> model = make_pipeline(features, StandardScaler(), SVC(C=10))
    >>> model.fit(aligned.X, aligned.labels).score(moved, others.labels) > 0.95
    True
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "metric": [StrOptions({"euclidean", "precomputed"})],
        "scale": [StrOptions({"max_eig", "trace"}), None],
        "sign": [StrOptions({"moment", "maxabs", "none"})],
        "chiral": ["boolean"],
        "output": [StrOptions({"points", "frames", "spectrum", "features"})],
        "point_dim": [Interval(Integral, 1, None, closed="left"), None],
        "gap_tol": [Interval(Real, 0, 1, closed="left")],
        "sign_tol": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=None,
        *,
        metric="euclidean",
        scale="max_eig",
        sign="moment",
        chiral=False,
        output="points",
        point_dim=None,
        gap_tol=1e-6,
        sign_tol=1e-6,
        batch_size="auto",
        device="auto",
        random_state=None,
    ):
        self.n_components = n_components
        self.metric = metric
        self.scale = scale
        self.sign = sign
        self.chiral = chiral
        self.output = output
        self.point_dim = point_dim
        self.gap_tol = gap_tol
        self.sign_tol = sign_tol
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit(self, X, y=None):
        """Learn the frame of one cloud, or how sure the frames of a batch are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a batch
            One cloud; or clouds as an array of shape (n_clouds, n_points, n_dims), as a list of
            arrays of shape (n_points_i, n_dims), or as rows, with `point_dim`. With
            ``metric="precomputed"``, square matrices of distances take the place of clouds.
        y : None
            Ignored.

        Returns
        -------
        self : TinvMDS

        Raises
        ------
        ValueError
            If `X` is not of one of these forms, or has fewer axes than `n_components`.
        """
        self._fit(X, transform=False)
        return self

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit_transform(self, X, y=None):
        """Fit and return the output for `X`: ``fit(X).transform(X)``, in one pass for a batch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a batch
            See `fit`.
        y : None
            Ignored.

        Returns
        -------
        output : ndarray, or list of ndarray
            See `transform`.
        """
        return self._fit(X, transform=True)

    def transform(self, X):
        """Canonical coordinates of clouds, or what else `output` asks for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a batch
            Points to place in the frame of the fitted cloud (with ``metric="precomputed"``, their
            distances to its points); or, after a fit on a batch, clouds in the same form. Their
            number and the numbers of their points are free, unless they are rows.

        Returns
        -------
        output : ndarray, or list of ndarray
            For one cloud (n_samples, n_components). For a batch (n_clouds, ...), see
            `output`; rows where the clouds were rows; a list of what has a row per point where
            the clouds were a list. In the float type of `X`; float64 if a list mixes types.
        """
        check_is_fitted(self)
        if self._kind == "cloud":
            return self._placed(self._points(X))
        return self._represented(self._batch(X, reset=False))

    def inverse_transform(self, X):
        """Points of given coordinates in the frame of the fitted cloud.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Canonical coordinates.

        Returns
        -------
        points : ndarray of shape (n_samples, n_features)
            The nearest points to the original ones in the subspace of the axes kept.

        Raises
        ------
        ValueError
            If the fit was on a batch, whose frames are not kept, or on distances.
        """
        check_is_fitted(self)
        if self._kind != "cloud" or self.metric == "precomputed":
            raise ValueError(
                "inverse_transform needs the frame of one cloud, which is kept by a fit on a 2-D "
                "array of points; the frames of a batch are not kept, and distances have none."
            )
        X = check_array(X, dtype=FLOATS)
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {X.shape[1]} columns, but the frame has {self.n_components_} axes."
            )
        return (X @ (self.scale_ * self.components_) + self.mean_).astype(X.dtype)

    def _fit(self, X, *, transform):
        """Fit, and return what `transform` says of `X` if that is wanted."""
        if self.chiral and self.metric == "precomputed":
            raise ValueError(
                "chiral=True needs coordinates: distances (metric='precomputed') are the same in "
                "mirror images."
            )
        # What was learned of one cloud does not hold for a batch; a fit that fails brings it back.
        for name in [name for name in vars(self) if re.fullmatch(r"[a-z]\w*_|_frequencies", name)]:
            delattr(self, name)
        if is_batch(X) or self.point_dim is not None:
            return self._fit_batch(X, transform)
        X = validate_data(self, X, dtype=FLOATS)
        self._fit_cloud(X)
        return self._placed(X) if transform else None

    def _fit_cloud(self, X):
        """Learn the frame of one cloud."""
        if self.output != "points":
            raise ValueError(
                f"output={self.output!r} describes whole clouds, but a 2-D X is a single cloud of "
                "points. Pass clouds as a 3-D array or a list, X[None] for a batch of one cloud, "
                "or set point_dim if every row of X holds a cloud."
            )
        if self.metric == "precomputed":
            check_distances(X)
            check_squares(X)
        rules = self._rules(self._count_axes({X.shape[1]}, min(X.shape)))
        device = resolve_device(self.device)
        with fit_steps(self, 2, X) as step:
            with step("frame"):
                negative_energy = 0.0
                if self.metric == "precomputed":
                    frame, negative_energy = one_distance_frame(X, rules, device)
                else:
                    frame = one_frame(X, rules, device)
            with step("map"):
                self.mean_, self.components_ = to_numpy(frame.mean), to_numpy(frame.axes.mT)
                self.scale_, self.negative_energy_ = float(frame.size), float(negative_energy)
                self.eigenvalues_ = to_numpy(frame.layout.spreads[0].square())
                for name, value in certainty(frame.layout, frame.errors, rules).items():
                    setattr(self, name, to_numpy(value[0]))
        self.n_components_ = self._n_outputs = rules.n_components
        self._kind = "cloud"
        self._warn(to_numpy(frame.layout.tied), to_numpy(frame.layout.unsigned))

    def _fit_batch(self, X, transform):
        """Learn how many axes and features clouds have, and report how sure their frames are."""
        batch = self._batch(X, reset=True)
        self.n_components_ = self._count_axes(batch.n_dims)
        self._n_outputs = self._count_outputs(batch.clouds[0])
        generator = torch_generator(draw_seed(self.random_state))
        self._frequencies = to_numpy(draw_frequencies(self.n_components_, generator))
        report = {name: Gathered(batch) for name in (*CERTAINTY, "negative_energy_")}
        n_steps = len(self._chunks(batch))
        with fit_steps(self, n_steps, X) as step:
            output = self._represented(batch, step, transform=transform, report=report)
        vars(self).update({name: gathered.values for name, gathered in report.items()})
        return output

    def _count_axes(self, n_dims, most=np.inf):
        """Number of axes to keep of clouds of these numbers of coordinates, checked."""
        n_components = self.n_components
        if n_components is None:
            if len(n_dims) > 1:
                raise ValueError(
                    "n_components=None keeps an axis per point, but the matrices of distances in X "
                    f"are of {len(n_dims)} sizes; set n_components."
                )
            n_components = int(min(max(n_dims), most))
        elif n_components > max(n_dims):
            raise ValueError(
                f"n_components={n_components} is more than the {max(n_dims)} axes that X has."
            )
        elif self.chiral and n_components < max(n_dims):
            raise ValueError(
                f"chiral=True needs every axis, but n_components={n_components} of "
                f"{max(n_dims)}: a mirror may be across an axis left out. Set n_components=None."
            )
        if self.output == "frames" and n_components > MOST_FRAME_AXES:
            raise ValueError(
                f"output='frames' makes 2**{n_components} copies of every cloud; set n_components "
                f"to at most {MOST_FRAME_AXES}, or use output='features'."
            )
        return n_components

    def _rules(self, n_components):
        """The parameters of frames."""
        # Features are read off clouds of one radius: a first axis is less steady near ties.
        scale = "trace" if self.output == "features" else self.scale
        tolerances = float(self.gap_tol), float(self.sign_tol)
        return Rules(n_components, scale, self.sign, self.chiral, *tolerances)

    def _count_outputs(self, cloud):
        """Number of columns of the output for a batch with this cloud."""
        n_axes = self.n_components_
        if self.output == "features":
            return n_cloud_features(n_axes, chiral=self.chiral) + (self.scale is None)
        if self.output == "spectrum" or self._kind == "batch":
            return n_axes
        n_frames = len(sign_flips(n_axes, self.chiral)) if self.output == "frames" else 1
        return n_frames * len(cloud) * n_axes

    def _batch(self, X, *, reset):
        """The clouds in `X`, checked."""
        kind = "batch" if is_batch(X) else "cloud" if self.point_dim is None else "flat"
        if reset:
            self._kind = kind
        elif kind != self._kind:
            raise ValueError(f"TinvMDS was fitted on {FORMS[self._kind]}; X is {FORMS[kind]}.")
        if kind == "flat":
            X = validate_data(self, X, dtype=FLOATS, reset=reset)
            batch = unflattened(X, self.point_dim)
        else:
            batch = read_batch(X)
        if self.metric == "precomputed":
            for index, cloud in enumerate(batch.clouds):
                with told_of(index):
                    check_distances(cloud)
        else:
            self._check_dims(batch, reset)
        return batch

    def _check_dims(self, batch, reset):
        """Remember the dimension of the clouds, or compare it with the fit."""
        if len(batch.n_dims) > 1:
            raise ValueError(f"The clouds in X have different dimensions: {sorted(batch.n_dims)}.")
        (n_dims,) = batch.n_dims
        if self._kind == "flat":
            return
        if self.point_dim not in (None, n_dims):
            raise ValueError(f"point_dim={self.point_dim}, but the clouds in X are {n_dims}-D.")
        if reset:
            self.n_features_in_ = n_dims
        elif n_dims != self.n_features_in_:
            raise ValueError(
                f"X has clouds of dimension {n_dims}, but TinvMDS was fitted on clouds of "
                f"dimension {self.n_features_in_}."
            )

    def _points(self, X):
        """Validated points to place in the frame of the fitted cloud."""
        if is_batch(X):
            raise ValueError(f"TinvMDS was fitted on {FORMS['cloud']}; X is {FORMS['batch']}.")
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        if self.metric == "precomputed":
            check_not_negative(X)
        return X

    def _placed(self, X):
        """Coordinates of points in the frame of the fitted cloud."""
        placed = np.empty((len(X), self.n_components_), dtype=X.dtype)
        n_rows = max(1, coordinates_at_once(CPU) // X.shape[1])
        for rows in gen_batches(len(X), n_rows):
            block = X[rows].astype(np.float64)
            if self.metric == "precomputed":
                block = -(block**2) / 2  # Gower's formula
            placed[rows] = (block - self.mean_) @ self.components_.T / self.scale_
        return placed

    def _represented(self, batch, step=nullcontext, *, transform=True, report=None):
        """The output for a batch, if wanted; fills the report of the fit, if given."""
        if transform:
            self._check_container()
        device = resolve_device(self.device)
        n_axes = self.n_components_
        # Features share the squares of all axes, so that one left out may tie with one kept.
        found = max(n_axes, *batch.n_dims) if self.output == "features" else n_axes
        rules = self._rules(found)
        canonical = scaled_clouds if self.metric == "precomputed" else canonical_clouds
        output = Gathered(batch, per_point=self.output in PER_POINT)
        tied, unsigned = Gathered(batch), Gathered(batch)
        for chunk in self._chunks(batch):
            with step("frames"):
                x, mask = padded(batch, chunk, device)
                clouds = canonical(x, mask, rules)
                tied.put(chunk, clouds.layout.tied)
                unsigned.put(chunk, clouds.layout.unsigned)
                if transform:
                    output.put(chunk, self._output(clouds, mask).to(x.dtype))
                if report:
                    for name, value in cloud_report(clouds, mask, rules, n_axes).items():
                        report[name].put(chunk, value)
        self._warn(tied.values, unsigned.values)
        flat = transform and self._kind == "flat"
        return output.values.reshape(len(batch), -1) if flat else output.values

    def _chunks(self, batch):
        """Clouds to be worked on together."""
        frames = 2**self.n_components_ if self.output == "frames" else 1
        return chunks(batch, self.batch_size, resolve_device(self.device), copies=frames)

    def _check_container(self):
        """Refuse to put arrays of three and more dimensions into data frames."""
        container = output_config("transform", self)["dense"]
        if container != "default" and self._kind == "batch" and self.output in PER_POINT:
            raise ValueError(
                f"set_output(transform={container!r}) needs a table, but output={self.output!r} of "
                "a batch has an array per cloud. Set point_dim and pass clouds as rows, or choose "
                "output='features'."
            )

    def _output(self, clouds, mask):
        """What the parameter `output` asks for, of shape (n_clouds, ...)."""
        if self.output == "points":
            return clouds.coordinates.mT
        if self.output == "frames":
            return all_frames(clouds.coordinates, self.chiral)
        if self.output == "spectrum":
            return clouds.layout.spreads
        frequencies = to_tensor(self._frequencies, device=clouds.size.device)
        return invariant_features(
            clouds, mask, frequencies, chiral=self.chiral, with_size=self.scale is None
        )

    def _warn(self, tied, unsigned):
        """Tell how many clouds have no canonical frame, where the output depends on it."""
        if self.output not in PER_POINT or not (tied | unsigned).any():
            return
        reasons = []
        if tied.any():
            reasons.append(
                f"{tied.sum()} with axes of the same extent (relative gap up to "
                f"gap_tol={self.gap_tol}, or to rounding), which may turn into each other"
            )
        if unsigned.any():
            reasons.append(
                f"{unsigned.sum()} with axes whose sign no moment decides (up to "
                f"sign_tol={self.sign_tol}, or to rounding), as in symmetric clouds"
            )
        warn_user(
            f"{(tied | unsigned).sum()} of {len(tied)} clouds have no canonical frame: "
            f"{'; '.join(reasons)}. See eigen_gap_ and sign_margin_. output='features' and "
            "'spectrum' need no frame.",
            DegenerateFrameWarning,
        )

    @property
    def _n_features_out(self):
        return self._n_outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Rows that hold a whole matrix of distances are samples like any other.
        tags.input_tags.pairwise = self.metric == "precomputed" and self.point_dim is None
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
