"""Canonical, transformation-invariant coordinates of point clouds."""

import warnings
from contextlib import nullcontext
from itertools import product
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.embedding._clouds import (
    FLOATS,
    Gathered,
    chunks,
    is_batch,
    padded,
    read_batch,
    unflattened,
)
from skmanifold.embedding._distance_input import check_distances, check_not_negative
from skmanifold.exceptions import DegenerateFrameWarning
from skmanifold.frames import (
    Rules,
    canonical_clouds,
    cloud_features,
    draw_frequencies,
    n_cloud_features,
    one_distance_frame,
    one_frame,
    scaled_clouds,
)
from skmanifold.utils import (
    draw_seed,
    fit_steps,
    resolve_device,
    row_chunks,
    to_numpy,
    to_tensor,
    torch_generator,
    undone_on_failure,
)
from skmanifold.utils._sklearn import Interval, StrOptions, fit_context

MOST_FRAME_AXES = 10  # 1024 copies of every cloud
PER_POINT = ("points", "frames")
OF_ONE_CLOUD = ("mean_", "components_", "scale_", "eigenvalues_")


def _flips(n_axes, chiral):
    """Signs of the axes in all frames, the canonical one first; only turned ones if `chiral`."""
    flips = torch.tensor(list(product((1.0, -1.0), repeat=n_axes)), dtype=torch.float64)
    return flips[flips.prod(-1) > 0] if chiral else flips


def _frames(coordinates, chiral):
    """All frames of each cloud, of shape (n_clouds, n_frames, n_points, n_axes)."""
    flips = _flips(coordinates.shape[1], chiral).to(coordinates)
    return coordinates.mT[:, None] * flips[:, None]


def _features(clouds, mask, frequencies, *, chiral, with_size):
    """Invariant features of clouds of root mean square radius 1, and that radius if wanted."""
    spreads = clouds.layout.spreads
    features = cloud_features(clouds.coordinates, spreads, frequencies, mask, chiral=chiral)
    radius = clouds.size * spreads.norm(dim=-1)
    return torch.cat([features, radius[:, None]], dim=1) if with_size else features


class TinvMDS(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, ManifoldEstimator
):
    """TODO."""

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
        """TODO."""
        self._fit(X, transform=False)
        return self

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit_transform(self, X, y=None):
        """TODO."""
        return self._fit(X, transform=True)

    def transform(self, X):
        """TODO."""
        check_is_fitted(self)
        if self._kind == "cloud":
            return self._placed(self._points(X))
        return self._represented(self._batch(X, reset=False), nullcontext, transform=True)[0]

    def inverse_transform(self, X):
        """TODO."""
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
        device, rules = resolve_device(self.device), self._rules({X.shape[1]}, min(X.shape))
        with fit_steps(self, 2, X) as step:
            with step("frame"):
                negative_energy = 0.0
                if self.metric == "precomputed":
                    frame, negative_energy = one_distance_frame(X, rules, device)
                else:
                    frame = one_frame(X, rules, device)
            with step("map"):
                layout = frame.layout
                self.mean_, self.components_ = to_numpy(frame.mean), to_numpy(frame.axes.mT)
                self.scale_, self.negative_energy_ = float(frame.size), float(negative_energy)
                self.eigenvalues_ = to_numpy(layout.spreads[0].square())
                self.eigen_gap_, self.sign_margin_ = (
                    to_numpy(each[0]) for each in (layout.gaps, layout.margins)
                )
        self.n_components_ = self._n_outputs = rules.n_components
        self._kind = "cloud"
        self._warn(to_numpy(layout.tied), to_numpy(layout.unsigned))

    def _fit_batch(self, X, transform):
        """Learn how many axes and features clouds have, and report how sure their frames are."""
        batch = self._batch(X, reset=True)
        self.n_components_ = self._rules(batch.n_dims).n_components
        self._n_outputs = self._count_outputs(batch.clouds[0])
        generator = torch_generator(draw_seed(self.random_state))
        self._frequencies = to_numpy(draw_frequencies(self.n_components_, generator))
        n_steps = len(chunks(batch, self.batch_size, resolve_device(self.device)))
        with fit_steps(self, n_steps, X) as step:
            output, report = self._represented(batch, step, transform=transform)
        for name in OF_ONE_CLOUD:
            vars(self).pop(name, None)
        self.eigen_gap_, self.sign_margin_ = report["gaps"], report["margins"]
        self.negative_energy_ = report["negative_energy"]
        return output

    def _rules(self, n_dims, most=np.inf):
        """The parameters of frames, for clouds of these numbers of coordinates."""
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
        # Features are read off clouds of the same radius: a first axis is less stable near ties.
        scale = "trace" if self.output == "features" else self.scale
        return Rules(
            n_components, scale, self.sign, self.chiral, float(self.gap_tol), float(self.sign_tol)
        )

    def _count_outputs(self, cloud):
        """Number of columns of the output for a batch with this cloud."""
        n_axes = self.n_components_
        if self.output == "features":
            return n_cloud_features(n_axes, chiral=self.chiral) + (self.scale is None)
        if self.output == "spectrum" or self._kind == "batch":
            return n_axes
        n_frames = len(_flips(n_axes, self.chiral)) if self.output == "frames" else 1
        return n_frames * len(cloud) * n_axes

    def _batch(self, X, *, reset):
        """The clouds in `X`, checked."""
        if is_batch(X):
            kind, batch = "batch", read_batch(X)
        elif self.point_dim is not None:
            kind = "flat"
            batch = unflattened(validate_data(self, X, dtype=FLOATS, reset=reset), self.point_dim)
        else:
            raise ValueError(
                "TinvMDS was fitted on a batch of clouds, but X is 2-D; pass a 3-D array or a list "
                "of clouds, or X[None] for a single one."
            )
        self._check_kind(kind, reset)
        if self.metric == "precomputed":
            for cloud in batch.clouds:
                check_distances(cloud)
        else:
            self._check_dims(batch, reset)
        return batch

    def _check_kind(self, kind, reset):
        """Remember whether clouds are rows or arrays, or compare it with the fit."""
        if reset:
            self._kind = kind
        elif kind != self._kind:
            expected = {"flat": "a 2-D array", "batch": "a 3-D array or a list of clouds"}
            raise ValueError(
                f"TinvMDS was fitted on {expected[self._kind]}; X is {expected[kind]}."
            )

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
            vars(self).pop("feature_names_in_", None)
            self.n_features_in_ = n_dims
        elif n_dims != self.n_features_in_:
            raise ValueError(
                f"X has clouds of dimension {n_dims}, but TinvMDS was fitted on clouds of "
                f"dimension {self.n_features_in_}."
            )

    def _points(self, X):
        """Validated points to place in the frame of the fitted cloud."""
        if is_batch(X):
            raise ValueError(
                "TinvMDS was fitted on one cloud, a 2-D array, but X is a batch of clouds. Fit on "
                "the batch to have a frame per cloud."
            )
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        if self.metric == "precomputed":
            check_not_negative(X)
        return X

    def _placed(self, X):
        """Coordinates of points in the frame of the fitted cloud."""
        placed = np.empty((len(X), self.n_components_), dtype=X.dtype)
        for rows in row_chunks(len(X), 8 * 3 * X.shape[1]):
            block = X[rows].astype(np.float64)
            if self.metric == "precomputed":
                block = -(block**2) / 2  # Gower's formula
            placed[rows] = (block - self.mean_) @ self.components_.T / self.scale_
        return placed

    def _represented(self, batch, step, *, transform):
        """The output for a batch, if wanted, and how sure its frames are."""
        device, rules = resolve_device(self.device), self._rules(batch.n_dims)
        rules = rules._replace(n_components=self.n_components_)
        canonical = scaled_clouds if self.metric == "precomputed" else canonical_clouds
        gathered = Gathered(batch, per_point=self.output in PER_POINT)
        names = ("gaps", "margins", "tied", "unsigned", "negative_energy")
        report = {name: Gathered(batch) for name in names}
        for chunk in chunks(batch, self.batch_size, device):
            with step("frames"):
                x, mask = padded(batch, chunk, device)
                clouds = canonical(x, mask, rules)
                if transform:
                    gathered.put(chunk, self._output(clouds, mask).to(x.dtype))
                for name in names:
                    owner = clouds if name == "negative_energy" else clouds.layout
                    report[name].put(chunk, getattr(owner, name))
        report = {name: each.values for name, each in report.items()}
        self._warn(report["tied"], report["unsigned"])
        output = gathered.values
        flat = transform and self._kind == "flat"
        return output.reshape(len(batch), -1) if flat else output, report

    def _output(self, clouds, mask):
        """What the parameter `output` asks for, of shape (n_clouds, ...)."""
        if self.output == "points":
            return clouds.coordinates.mT
        if self.output == "frames":
            return _frames(clouds.coordinates, self.chiral)
        if self.output == "spectrum":
            return clouds.layout.spreads
        frequencies = to_tensor(self._frequencies, device=clouds.size.device)
        return _features(
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
        warnings.warn(
            f"{(tied | unsigned).sum()} of {len(tied)} clouds have no canonical frame: "
            f"{'; '.join(reasons)}. See eigen_gap_ and sign_margin_. output='features' and "
            "'spectrum' need no frame.",
            DegenerateFrameWarning,
            stacklevel=6,
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
