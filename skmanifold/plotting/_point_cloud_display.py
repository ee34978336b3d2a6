"""Pictures of point clouds before and after they are brought into their canonical frames."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skmanifold.plotting._cloud_frames import CloudFrame, spreads
from skmanifold.plotting._cloud_pairs import (
    CloudPairs,
    check_color,
    check_draws_points,
    check_names,
    check_pairs,
    chosen,
    is_one_cloud,
    pairs_from_estimator,
    taken,
)
from skmanifold.plotting._cloud_panels import (
    Panel,
    add_row_label,
    draw_panel,
    is_solid,
    limits_around,
)
from skmanifold.plotting._color import scale
from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._matplotlib import import_pyplot
from skmanifold.utils import is_batch


class PointCloudDisplay:
    """Point clouds above, and the same clouds in their canonical frames below.

    Each cloud has a column, and each point has the same colour in both panels. Lines from the
    centre of the frame, numbered at their positive ends, are its axes, as long as the cloud
    is wide along them (root mean square). Where a cloud does not determine an axis, the line is
    grey, runs both ways and has its number at both ends; it is dashed where the axis may turn into
    another one, and solid where only its sign is open. The title of the lower panel says so too.

    Panels above have limits of their own, since size and place are what the canonical frame does
    away with; panels below share theirs. Clouds of up to three coordinates are drawn in full. Of
    more coordinates the first three are drawn, and of more axes the first three, which are those
    of largest extent.

    Make one with :meth:`from_estimator` or :meth:`from_clouds`; the constructor only stores.

    Parameters
    ----------
    before : array-like of shape (n_clouds, n_points, n_dims), list of array-like of shape \
            (n_points_i, n_dims), or array-like of shape (n_points, n_dims)
        Clouds, or one cloud.
    after : array-like of shape (n_clouds, n_points, n_axes), list of array-like of shape \
            (n_points_i, n_axes), or array-like of shape (n_points, n_axes)
        The same points in canonical coordinates.
    frames : array-like of shape (n_clouds, 1 + n_axes, n_dims), default=None
        Centre of each frame, and one unit along each of its axes, in the coordinates of `before`.
        None takes those of the affine maps that best fit.
    tied : array-like of bool, of shape (n_clouds, n_axes) or (n_axes,), default=None
        Axes that may turn into others. None marks none.
    unsigned : array-like of bool, of shape (n_clouds, n_axes) or (n_axes,), default=None
        Axes that may point either way. None marks none.
    color : array-like of shape (n_clouds, n_points), list of array-like of shape (n_points_i,), \
            or array-like of shape (n_points,), default=None
        Numbers to colour points by, grey where they are NaN. None colours them by their position
        along the first axis.
    color_label : str, default=None
        Title of the colour bar.
    names : sequence of str of length n_clouds, or str, default=None
        Titles of the columns; None numbers them.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (2, n_clouds)
        The panels.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Their figure.
    scatters_ : ndarray of matplotlib collections, of shape (2, n_clouds)
        The points.
    colorbar_ : matplotlib Colorbar or None
        The colour bar, if there is a `color`.

    See Also
    --------
    skmanifold.TinvMDS : Canonical coordinates of point clouds.
    EmbeddingDisplay : Picture of an embedding of samples.

    Examples
    --------
    >>> from skmanifold import TinvMDS
    >>> from skmanifold.datasets import make_shapes, moved_clouds
    >>> from skmanifold.plotting import PointCloudDisplay
    >>> shapes = make_shapes(130, n_points=256, random_state=0)
    >>> X = moved_clouds(shapes.X, random_state=0)
    >>> names = [shapes.names[label] for label in shapes.labels]
    >>> tinv = TinvMDS().fit(X)
    >>> display = PointCloudDisplay.from_estimator(tinv, X, clouds=[3, 14, 15], names=names)
    >>> display.axes_.shape
    (2, 3)
    """

    def __init__(
        self,
        before: Any,
        after: Any,
        *,
        frames: Sequence[ArrayLike] | None = None,
        tied: ArrayLike | None = None,
        unsigned: ArrayLike | None = None,
        color: Any = None,
        color_label: str | None = None,
        names: Sequence[str] | str | None = None,
    ) -> None:
        self.before = before
        self.after = after
        self.frames = frames
        self.tied = tied
        self.unsigned = unsigned
        self.color = color
        self.color_label = color_label
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        clouds: Sequence[int] | None = None,
        color: Any = None,
        color_label: str | None = None,
        names: Sequence[str] | str | None = None,
        ax: Any = None,
        cmap: Any = None,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw clouds, and what a fitted :class:`skmanifold.TinvMDS` makes of them.

        Axes are marked as not determined where ``eigen_gap_`` or ``sign_margin_`` is at the
        estimator's tolerance or at what rounding may cause, which is where it warns.

        Parameters
        ----------
        estimator : TinvMDS, or Pipeline or search that ends in one
            Fitted, with ``output="points"`` and ``metric="euclidean"``. Of a Pipeline, the
            clouds that reach its last step are drawn.
        X : array-like of shape (n_clouds, n_points, n_dims), list of array-like of shape \
                (n_points_i, n_dims), array-like of shape (n_clouds, n_points * point_dim), or \
                array-like of shape (n_points, n_dims)
            Clouds in the form that the estimator was fitted on.
        clouds : sequence of int, default=None
            Which clouds of `X` to draw; None draws the first four. Not for one cloud.
        color, color_label, names
            As in :class:`PointCloudDisplay`, for all clouds of `X`.
        ax, cmap, **scatter_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : PointCloudDisplay

        Raises
        ------
        ValueError
            If the estimator gives no canonical points, or lengths or shapes do not fit.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        tinv = final_step(estimator)
        check_draws_points(tinv)
        if is_one_cloud(tinv):
            _check_not_chosen(clouds)
            color = None if color is None else [color]
        else:
            X, color, names = _of_chosen(clouds, X, color=color, names=names)
        pairs = pairs_from_estimator(estimator, X)
        display = cls(
            pairs.before,
            pairs.after,
            frames=pairs.frames,
            tied=pairs.tied,
            unsigned=pairs.unsigned,
            color=color,
            color_label=color_label,
            names=names,
        )
        return display.plot(ax, cmap=cmap, **scatter_kwargs)

    @classmethod
    def from_clouds(
        cls,
        before: Any,
        after: Any,
        *,
        clouds: Sequence[int] | None = None,
        tied: ArrayLike | None = None,
        unsigned: ArrayLike | None = None,
        color: Any = None,
        color_label: str | None = None,
        names: Sequence[str] | str | None = None,
        ax: Any = None,
        cmap: Any = None,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw clouds and given canonical coordinates, such as those of ``skmanifold.tinv_mds``.

        Parameters
        ----------
        before, after
            As in :class:`PointCloudDisplay`.
        clouds : sequence of int, default=None
            Which of the clouds to draw; None draws the first four. Not for one cloud.
        tied, unsigned, color, color_label, names
            As in :class:`PointCloudDisplay`, for all clouds.
        ax, cmap, **scatter_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : PointCloudDisplay

        Raises
        ------
        ValueError
            If lengths or shapes do not fit.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_clouds")
        if is_batch(before):
            before, after, tied, unsigned, color, names = _of_chosen(
                clouds, before, after=after, tied=tied, unsigned=unsigned, color=color, names=names
            )
        else:
            _check_not_chosen(clouds)
        display = cls(
            before,
            after,
            tied=tied,
            unsigned=unsigned,
            color=color,
            color_label=color_label,
            names=names,
        )
        return display.plot(ax, cmap=cmap, **scatter_kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = None, **scatter_kwargs: Any) -> Self:
        """Draw all clouds of the display.

        Parameters
        ----------
        ax : matplotlib Axes, or array-like of them of shape (2, n_clouds), default=None
            Where to draw. A single Axes gives its place to a grid of panels and is hidden; None
            makes a figure. Given panels must be three-dimensional where clouds have three
            coordinates or more, and two-dimensional for fewer.
        cmap : str or matplotlib Colormap, default=None
            Colour map; None is viridis.
        **scatter_kwargs
            Passed on to matplotlib's `scatter`, such as `s`, `alpha` and `vmin`.

        Returns
        -------
        display : PointCloudDisplay
            Itself.

        Raises
        ------
        ValueError
            If lengths or shapes do not fit.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        pairs = check_pairs(self.before, self.after, self.frames, self.tied, self.unsigned)
        color = check_color(self.color, pairs.before, batch=is_batch(self.before))
        names = check_names(self.names, len(pairs.before))
        panels = _panels(pairs)
        self.axes_ = _axes(plt, ax, panels)
        self.ax_, self.figure_ = self.axes_[0, 0], self.axes_[0, 0].figure
        self.scatters_ = np.empty(self.axes_.shape, dtype=object)
        for row, column in np.ndindex(self.axes_.shape):
            values = pairs.after[column][:, 0] if color is None else color[column]
            style = {"c": values, "cmap": scale(cmap)} | _range(color) | scatter_kwargs
            self.scatters_[row, column] = draw_panel(
                self.axes_[row, column], panels[row][column], **style
            )
        _write_words(self.axes_, panels, names, pairs)
        self.colorbar_ = None
        if color is not None:
            self.colorbar_ = self.figure_.colorbar(
                self.scatters_[0, 0],
                ax=self.axes_.ravel().tolist(),
                label=self.color_label,
                aspect=30,
                shrink=0.8,
            )
        return self


def _check_not_chosen(clouds: Sequence[int] | None) -> None:
    if clouds is not None:
        raise ValueError(f"clouds chooses from a batch, but there is one cloud; got {clouds!r}.")


def _of_chosen(clouds: Sequence[int] | None, X: Any, **others: Any) -> list[Any]:
    """`X` and what else is given for each cloud, for the chosen ones; names are made up."""
    rows = chosen(clouds, len(X))
    if others["names"] is None:
        others["names"] = [f"cloud {row}" for row in range(len(X))]
    given = {"X": X} | others
    return [taken(values, rows, len(X), name) for name, values in given.items()]


def _panels(pairs: CloudPairs) -> list[list[Panel]]:
    """What to draw before and after: clouds and frames in the first three dimensions.

    Panels before have cubes of space of their own, panels after have one and the same box.
    """
    before, after = [], []
    for x, y, frame, *is_open in zip(*pairs, strict=True):
        center, units = frame[0], frame[1:]
        arms = spreads(y)[:, None] * units
        before.append((x[:, :3], CloudFrame(center, arms, *is_open).cropped(3)))
        own = CloudFrame(np.zeros(y.shape[1]), np.diag(spreads(y)), *is_open)
        after.append((y[:, :3], own.cropped(3)))
    box = limits_around(*(part for y, frame in after for part in (y, frame.tips)), least=0.2)
    return [
        [Panel(x, frame, limits_around(x, frame.tips, least=1.0)) for x, frame in before],
        [Panel(y, frame, box) for y, frame in after],
    ]


def _range(color: list[NDArray[np.float64]] | None) -> dict[str, float]:
    """Limits of the colour map that all panels share, for colours with a colour bar."""
    values = np.concatenate(color) if color else np.empty(0)
    values = values[np.isfinite(values)]
    return {"vmin": values.min(), "vmax": values.max()} if len(values) else {}


def _axes(plt: Any, ax: Any, panels: list[list[Panel]]) -> NDArray[Any]:
    """The given axes, or new ones in the place of one, or in a new figure."""
    solid = [[panel.points.shape[1] == 3 for panel in row] for row in panels]
    n_columns = len(solid[0])
    if ax is None:
        figure = plt.figure(figsize=(max(2.6 * n_columns, 3.6), 5.4), layout="constrained")
        grid = figure.add_gridspec(2, n_columns)
    elif getattr(ax, "get_subplotspec", lambda: None)() is not None:
        figure, grid = ax.figure, ax.get_subplotspec().subgridspec(2, n_columns)
        ax.set_axis_off()
    else:
        return _check_axes(np.asarray(ax), solid)
    axes = np.empty((2, n_columns), dtype=object)
    for row, column in np.ndindex(axes.shape):
        projection = "3d" if solid[row][column] else None
        axes[row, column] = figure.add_subplot(grid[row, column], projection=projection)
    return axes


def _check_axes(axes: NDArray[Any], solid: list[list[bool]]) -> NDArray[Any]:
    """Given axes, of the right number and projections."""
    if axes.shape != np.shape(solid):
        raise ValueError(
            f"ax must be one Axes of a grid, or an array of the shape {np.shape(solid)}, one for "
            f"each cloud before and after; got the shape {axes.shape}."
        )
    if [[is_solid(each) for each in row] for row in axes] != solid:
        raise ValueError(
            "ax must have projection='3d' where clouds have three coordinates or more, and not "
            "where they have fewer."
        )
    return axes


def _write_words(
    axes: NDArray[Any], panels: list[list[Panel]], names: list[str], pairs: CloudPairs
) -> None:
    """Names over the columns, hints below them, and what the rows are."""
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name)
    for ax, panel in zip(axes[1], panels[1], strict=True):
        ax.set_title(panel.frame.hint, fontsize="small", color="dimgrey")
    for ax, words, clouds in zip(axes[:, 0], ("input", "canonical"), pairs[:2], strict=True):
        n_dims = clouds[0].shape[1]
        add_row_label(ax, words if n_dims <= 3 else f"{words} (3 of {n_dims} dimensions)")
