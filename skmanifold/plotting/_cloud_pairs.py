"""Point clouds before and after: chosen from many, read from an estimator, and checked."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, column_or_1d

from skmanifold.exceptions import DegenerateFrameWarning
from skmanifold.plotting._cloud_frames import BoolArray, fitted_frame, open_axes
from skmanifold.plotting._final_step import final_step
from skmanifold.utils import is_batch
from skmanifold.utils._sklearn import take_rows

_FLOATS = (np.float64, np.float32)
_DRAWN_BY_DEFAULT = 4


class CloudPairs(NamedTuple):
    """Clouds before and after, the frames that lie between, and which of their axes are open."""

    before: Any  # n_clouds x (n_points_i, n_dims)
    after: Any  # n_clouds x (n_points_i, n_axes)
    frames: Any  # n_clouds x (1 + n_axes, n_dims), as `fitted_frame` gives them
    tied: BoolArray  # (n_clouds, n_axes)
    unsigned: BoolArray  # (n_clouds, n_axes)


def chosen(clouds: Sequence[int] | None, n_clouds: int) -> list[int]:
    """Indices of the clouds to draw, by default the first four."""
    if clouds is None:
        return list(range(min(n_clouds, _DRAWN_BY_DEFAULT)))
    rows = np.asarray(clouds)
    if rows.dtype.kind not in "iu" or rows.ndim != 1 or not np.isin(rows, range(n_clouds)).all():
        raise ValueError(
            f"clouds must be indices of clouds, from 0 to {n_clouds - 1}, got {clouds!r}."
        )
    return [int(row) for row in rows]


def taken(values: Any, rows: list[int], n_clouds: int, name: str) -> Any:
    """Of what is given for every cloud, the part for the chosen ones."""
    if values is None:
        return None
    if isinstance(values, str) or len(values) != n_clouds:
        raise ValueError(f"{name} must have an entry for each of {n_clouds} clouds: {values!r}")
    return take_rows(values, rows)


def check_clouds(X: Any, name: str) -> list[NDArray[Any]]:
    """Clouds of shape (n_points_i, n_dims), with at least a point each, of float type."""
    if not is_batch(X):
        return [check_array(X, dtype=_FLOATS, input_name=name)]
    if len(X) == 0:
        raise ValueError(f"{name} holds no clouds: pass at least one.")
    return [check_array(x, dtype=_FLOATS, input_name=f"{name}[{i}]") for i, x in enumerate(X)]


def check_pairs(before: Any, after: Any, frames: Any, tied: Any, unsigned: Any) -> CloudPairs:
    """Clouds that belong together; by default, frames are fitted and no axis is open."""
    before, after = check_clouds(before, "before"), check_clouds(after, "after")
    if [len(cloud) for cloud in before] != [len(cloud) for cloud in after]:
        raise ValueError(
            "before and after must hold the same points, but their clouds have the shapes "
            f"{_shapes(before)} and {_shapes(after)}."
        )
    for name, clouds in {"before": before, "after": after}.items():
        if len({cloud.shape[1] for cloud in clouds}) > 1:
            raise ValueError(f"The clouds in {name} differ in dimension: {_shapes(clouds)}.")
    expected = len(after), after[0].shape[1]
    if frames is None:
        frames = list(map(fitted_frame, _doubles(before), _doubles(after)))
    shape = (len(after), 1 + after[0].shape[1], before[0].shape[1])
    if np.shape(frames) != shape:
        raise ValueError(
            f"frames must have the shape (n_clouds, 1 + n_axes, n_dims) = {shape}, got "
            f"{np.shape(frames)}."
        )
    flags = (_flags(tied, expected, "tied"), _flags(unsigned, expected, "unsigned"))
    return CloudPairs(_doubles(before), _doubles(after), np.asarray(frames), *flags)


def _doubles(clouds: list[NDArray[Any]]) -> list[NDArray[np.float64]]:
    return [cloud.astype(np.float64) for cloud in clouds]


def _shapes(clouds: list[NDArray[Any]]) -> str:
    return ", ".join(str(cloud.shape) for cloud in clouds)


def _flags(values: Any, shape: tuple[int, int], name: str) -> BoolArray:
    """A flag for each axis of each cloud."""
    if values is None:
        return np.zeros(shape, dtype=bool)
    flags = np.atleast_2d(np.asarray(values, dtype=bool))
    if flags.shape != shape:
        raise ValueError(
            f"{name} must have the shape (n_clouds, n_axes) = {shape}, got {np.shape(values)}."
        )
    return flags


def check_color(
    color: Any, clouds: list[NDArray[Any]], *, batch: bool
) -> list[NDArray[np.float64]] | None:
    """Numbers for all points of all clouds, given for each cloud if there is a batch of them."""
    if color is None:
        return None
    values = [column_or_1d(each, input_name="color") for each in (color if batch else [color])]
    lengths, expected = [len(each) for each in values], [len(cloud) for cloud in clouds]
    if lengths != expected:
        raise ValueError(f"color has {lengths} values for clouds of {expected} points.")
    if any(each.dtype.kind not in "biuf" for each in values):
        raise ValueError("color must hold numbers; give every class a number.")
    return [each.astype(np.float64) for each in values]


def check_names(names: Sequence[str] | str | None, n_clouds: int) -> list[str]:
    """A title for each cloud."""
    if names is None:
        return [f"cloud {index}" for index in range(n_clouds)] if n_clouds > 1 else [""]
    listed = [names] if isinstance(names, str) else [str(name) for name in names]
    if len(listed) != n_clouds:
        raise ValueError(f"names has {len(listed)} names for {n_clouds} clouds.")
    return listed


def check_draws_points(tinv: Any) -> None:
    """Refuse estimators other than TinvMDS, and those that do not go from points to points."""
    name = type(tinv).__name__
    if not hasattr(tinv, "sign_margin_"):
        raise ValueError(
            f"{name} has no canonical frames: pass a fitted TinvMDS, or the part of a Pipeline "
            "that ends in one, as in pipeline[:-1]."
        )
    if tinv.output != "points":
        raise ValueError(
            f"{name} with output={tinv.output!r} gives no canonical points to draw; set "
            "output='points'."
        )
    if tinv.metric == "precomputed":
        raise ValueError(
            f"{name} with metric='precomputed' knows distances, and no points before. Pass points "
            "to PointCloudDisplay.from_clouds(before, after)."
        )


def pairs_from_estimator(estimator: Any, X: Any) -> CloudPairs:
    """Clouds that reach the TinvMDS at the end of an estimator, and its coordinates of them."""
    tinv = final_step(estimator)
    before = input_of_final_step(estimator, X)
    with warnings.catch_warnings():
        # DegenerateFrameWarning: the picture shows what it says.
        warnings.simplefilter("ignore", DegenerateFrameWarning)
        after = tinv.transform(before)
        if is_one_cloud(tinv):
            return _one_pair(tinv, np.asarray(before), np.asarray(after))
        if not is_batch(before):
            before = np.reshape(before, (len(before), -1, tinv.point_dim))
            after = np.reshape(after, (len(after), -1, tinv.n_components_))
        # Frames of a batch are kept nowhere, but they depend on nothing except the parameters.
        report = type(tinv)(**tinv.get_params(deep=False)).fit(before)
    clouds = check_clouds(before, "X")
    frames = list(map(fitted_frame, _doubles(clouds), _doubles(after)))
    flags = open_axes(report.eigen_gap_, report.sign_margin_)
    return CloudPairs(clouds, after, frames, *flags)


def is_one_cloud(tinv: Any) -> bool:
    """Whether a TinvMDS was fitted on one cloud, whose axes it then keeps."""
    return hasattr(tinv, "components_")


def _one_pair(tinv: Any, before: NDArray[Any], after: NDArray[Any]) -> CloudPairs:
    """Points before and after, and the frame of the cloud that was fitted."""
    clouds = check_clouds(before, "X")
    frame = np.vstack([tinv.mean_, tinv.scale_ * tinv.components_])
    return CloudPairs(
        clouds, [after], [frame], *open_axes(tinv.eigen_gap_[None], tinv.sign_margin_[None])
    )


def input_of_final_step(estimator: Any, X: Any) -> Any:
    """What the last step of a pipeline, or of the best one of a search, is given for `X`."""
    if hasattr(estimator, "best_estimator_"):
        return input_of_final_step(estimator.best_estimator_, X)
    if not hasattr(estimator, "steps"):
        return X
    given = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
    return input_of_final_step(estimator.steps[-1][1], given)
