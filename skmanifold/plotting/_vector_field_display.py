"""Pictures of vector fields on manifolds, and of how sure they are."""

from collections.abc import Sequence
from inspect import signature
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skmanifold.graph import furthest_point_sampling
from skmanifold.plotting._cloud_pairs import input_of_final_step
from skmanifold.plotting._color import scale as color_scale
from skmanifold.plotting._field_arrows import draw_arrows
from skmanifold.plotting._field_axes import dress_axes, key_place, make_axes
from skmanifold.plotting._field_marks import (
    add_legend,
    check_points,
    check_singularities,
    draw_dots,
    draw_labels,
    draw_singularities,
)
from skmanifold.plotting._field_views import (
    Arrows,
    FieldView,
    FloatArray,
    field_view,
    spacing,
)
from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._matplotlib import import_pyplot

Projection = Literal["auto", "3d", "pca", "sphere"] | Sequence[int]

# More arrows than this would be too small to read in a picture of usual size.
_N_ARROWS = 500
# As many points show the shape of a cloud, and which parts of it hide others.
_N_DOTS = 4000
# Vectors longer than this share of all may be drawn longer than this multiple of the distance
# between neighbouring arrows; most then hardly touch.
_SHARE, _REACH = 0.95, 1.5


class VectorFieldDisplay:
    """Arrows of a vector field at points of a manifold, coloured by how uncertain they are.

    Of many points an evenly spread part gets arrows; the points themselves are small grey dots. The
    arrow in the corner is the key to lengths. Points on a sphere are drawn on an equal-area map of
    all of it, others in space or on a plane, where whatever lies behind other parts of the cloud is
    paler, and beneath them.

    Make one with :meth:`from_estimator` or :meth:`from_field`; the constructor only stores.

    Parameters
    ----------
    points : array-like of shape (n_points, n_features)
        Points of the manifold, of at least two coordinates.
    vectors : array-like of shape (n_points, n_features)
        The vector at each point, in the same coordinates.
    std : array-like of shape (n_points,) or (n_points, n_features), default=None
        Standard deviations to colour the arrows by: one for each vector, the root of the trace of
        its covariance, or one for each coordinate, which are put together as the root of the sum
        of their squares. None draws black arrows.
    labels : array-like of shape (n_labels, n_features), default=None
        Positions to mark by dots, such as where the field was measured.
    singularities : tuple of array-like, or object, default=None
        Where the field vanishes: positions of shape (k, n_features) and indices of shape (k,), as
        a pair or as attributes ``positions`` and ``indices`` of what `RVGP.singularities` returns.
    unit : str, default=None
        Unit of the vectors, for the key and the colour bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on: a map, three-dimensional or plain ones.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    arrow_indices_ : ndarray of shape (n_arrows,)
        Points with arrows, as rows of `points`.
    quiver_ : matplotlib Quiver
        The arrows, those that lie behind others first. In space they are laid out anew whenever
        the box is turned.
    key_ : matplotlib QuiverKey
        The key to lengths.
    scatter_ : matplotlib PathCollection
        The points; of more than 4000 a part.
    colorbar_ : matplotlib Colorbar or None
        The colour bar, if there is a `std`.
    label_scatter_ : matplotlib PathCollection or None
        The dots of `labels`.
    singularity_scatters_ : list of matplotlib PathCollection
        Rings of the `singularities`, one collection for each index, from the largest.
    legend_ : matplotlib Legend or None
        What dots and rings mean, if there are any.

    See Also
    --------
    skmanifold.RVGP : Gaussian process that predicts vector fields with their uncertainty.
    skmanifold.furthest_point_sampling : How the points with arrows are chosen.

    Examples
    --------
    >>> from skmanifold import RVGP
    >>> from skmanifold.datasets import make_vector_field
    >>> from skmanifold.plotting import VectorFieldDisplay
    >>> field = make_vector_field("sphere", 400, random_state=0)
    >>> X_train, y_train = field.X[:100], field.vectors[:100]
    >>> rvgp = RVGP(n_eigenpairs=30, n_neighbors=15, n_frame_neighbors=12, local_kernel="rbf")
    >>> rvgp = rvgp.fit(X_train, y_train, field.X[100:])
    >>> display = VectorFieldDisplay.from_estimator(rvgp, field.X, labels=X_train)
    >>> display.ax_.name
    'mollweide'
    """

    def __init__(
        self,
        points: ArrayLike,
        vectors: ArrayLike,
        *,
        std: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        singularities: Any = None,
        unit: str | None = None,
    ) -> None:
        self.points = points
        self.vectors = vectors
        self.std = std
        self.labels = labels
        self.singularities = singularities
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        labels: ArrayLike | None = None,
        singularities: Any = None,
        unit: str | None = None,
        ax: Any = None,
        projection: Projection = "auto",
        n_arrows: int | Literal["auto"] = "auto",
        scale: float | None = None,
        cmap: Any = None,
        **quiver_kwargs: Any,
    ) -> Self:
        """Draw the vector field that a fitted estimator predicts, with its standard deviations.

        Parameters
        ----------
        estimator : RVGP, or Pipeline or search that ends in one
            Fitted to vectors of the width of its points. Other regressors will do if their
            `predict` has `return_std`. Of a Pipeline, the points that reach its last step are
            drawn; `labels` and `singularities` are in the coordinates of these.
        X : array-like of shape (n_points, n_features)
            Where to predict.
        labels, singularities, unit
            As in :class:`VectorFieldDisplay`.
        ax, projection, n_arrows, scale, cmap, **quiver_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : VectorFieldDisplay

        Raises
        ------
        ValueError
            If the estimator predicts no vectors of the width of its points, as that of a scalar
            field, or no standard deviations; or as :meth:`plot` does.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        points, vectors, std = _predicted(estimator, X)
        display = cls(
            points, vectors, std=std, labels=labels, singularities=singularities, unit=unit
        )
        return display.plot(
            ax, projection=projection, n_arrows=n_arrows, scale=scale, cmap=cmap, **quiver_kwargs
        )

    @classmethod
    def from_field(
        cls,
        X: ArrayLike,
        vectors: ArrayLike,
        *,
        std: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        singularities: Any = None,
        unit: str | None = None,
        ax: Any = None,
        projection: Projection = "auto",
        n_arrows: int | Literal["auto"] = "auto",
        scale: float | None = None,
        cmap: Any = None,
        **quiver_kwargs: Any,
    ) -> Self:
        """Draw given vectors.

        Parameters
        ----------
        X, vectors, std, labels, singularities, unit
            As in :class:`VectorFieldDisplay`; `X` are the `points`.
        ax, projection, n_arrows, scale, cmap, **quiver_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : VectorFieldDisplay

        Raises
        ------
        ValueError
            As :meth:`plot` does.
        ImportError
            If matplotlib is not installed.
        """
        display = cls(X, vectors, std=std, labels=labels, singularities=singularities, unit=unit)
        return display.plot(
            ax, projection=projection, n_arrows=n_arrows, scale=scale, cmap=cmap, **quiver_kwargs
        )

    def plot(
        self,
        ax: Any = None,
        *,
        projection: Projection = "auto",
        n_arrows: int | Literal["auto"] = "auto",
        scale: float | None = None,
        cmap: Any = None,
        **quiver_kwargs: Any,
    ) -> Self:
        """Draw the field.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. Space needs three-dimensional axes. A sphere can be
            drawn on the maps that come with matplotlib, of which "mollweide" and "hammer" keep
            areas, or on plain axes, which then show degrees.
        projection : {"auto", "3d", "pca", "sphere"} or two int, default="auto"
            How to look at the points:

            - "3d": in space, along their first three principal axes if they have more coordinates.
            - "pca": on the plane of their first two principal axes.
            - "sphere": longitude and latitude on the sphere that fits them best, whose poles are at
              the ends of the third coordinate, and the parts of the vectors to the east and the
              north. Arrows point where the map shows that they go, and are as long as these parts.
            - two int: on the plane of these columns.
            - "auto": "sphere" for three coordinates of points all around a sphere (radii differ by
              less than 5% of their mean); the two columns if there are no more, else "3d".

        n_arrows : int or "auto", default="auto"
            Number of arrows; "auto" is 500, or as many as there are points.
        scale : float, default=None
            Length of the vectors that are drawn as long as one unit of the points, or as one radius
            of the sphere. None draws most arrows at most 1.5 times as long as neighbouring ones are
            apart. Set it to compare pictures.
        cmap : str or matplotlib Colormap, default=None
            Colour map of the standard deviations; None is viridis.
        **quiver_kwargs
            Passed on to matplotlib's `quiver`, such as `color`, `clim` and `width`.

        Returns
        -------
        display : VectorFieldDisplay
            Itself.

        Raises
        ------
        ValueError
            If shapes do not fit, standard deviations are negative, or the projection is unknown or
            does not fit the points or the axes.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        points, vectors, std = self._checked()
        labels = None
        if self.labels is not None:
            labels = check_points(self.labels, points.shape[1], "labels")
        zeros = check_singularities(self.singularities, points.shape[1])
        n_arrows = _checked_number(n_arrows, len(points))
        view = field_view(projection, points)
        self.ax_ = make_axes(plt, ax, view)
        self.figure_ = self.ax_.figure

        rows = furthest_point_sampling(points, n_arrows, start=0)
        cloud = points[_with_others(rows, len(points))]
        self.arrow_indices_ = rows
        values = None if std is None else std[rows]
        reach = _checked_reach(scale) or _reach(view, points[rows], vectors[rows])
        dots = {"s": np.clip(3000 / len(cloud), 1, 6), "c": "0.75", "linewidths": 0, "zorder": 1}
        self.scatter_ = draw_dots(self.ax_, view, cloud, cloud, **dots)
        dress_axes(self.ax_, view)
        if values is not None:
            quiver_kwargs = {"cmap": color_scale(cmap)} | quiver_kwargs
        arrows = Arrows(points[rows], vectors[rows], values, cloud, reach)
        self.quiver_ = draw_arrows(self.ax_, view, arrows, **quiver_kwargs)
        self._mark(view, labels, zeros, cloud, own_figure=ax is None)
        self._add_keys(view, vectors[rows])
        return self

    def _checked(self) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Points, vectors and one standard deviation for each."""
        points = check_array(self.points, dtype=np.float64, input_name="points")
        if len(points) == 1:
            raise ValueError("points must be at least two: the space between them scales arrows.")
        vectors = check_array(self.vectors, dtype=np.float64, input_name="vectors")
        if vectors.shape != points.shape:
            raise ValueError(
                f"vectors must have the shape of the points, {points.shape}, got {vectors.shape}."
            )
        if self.std is None:
            return points, vectors, None
        std = check_array(self.std, dtype=np.float64, input_name="std", ensure_2d=False)
        if std.shape not in (points.shape, points.shape[:1]):
            raise ValueError(
                f"std must have the shape {points.shape[:1]} or {points.shape}, got {std.shape}."
            )
        if std.min() < 0:
            raise ValueError(f"std must not be negative, got {std.min()}.")
        return points, vectors, np.linalg.norm(std, axis=1) if std.ndim == 2 else std

    def _mark(
        self, view: FieldView, labels: Any, zeros: Any, cloud: FloatArray, *, own_figure: bool
    ) -> None:
        """Labels, singularities and what they mean."""
        ax, indices = self.ax_, None if zeros is None else zeros[1]
        self.label_scatter_, self.singularity_scatters_ = None, []
        if labels is not None:
            self.label_scatter_ = draw_labels(ax, view, labels, cloud)
        if zeros is not None:
            self.singularity_scatters_ = draw_singularities(ax, view, *zeros, cloud)
        self.legend_ = add_legend(
            ax, labels=labels is not None, indices=indices, own_figure=own_figure
        )

    def _add_keys(self, view: FieldView, vectors: FloatArray) -> None:
        """Key to the lengths of arrows, and colour bar."""
        length = float(f"{_typical_length(vectors):.0e}")
        words = f"{length:g}" + ("" if self.unit is None else f" {self.unit}")
        key = {"labelpos": "W", "color": "black", "fontproperties": {"size": "small"}}
        place = key_place(self.ax_, view)
        self.key_ = self.ax_.quiverkey(self.quiver_, *place, length, words, **key)
        self.colorbar_ = None
        if self.quiver_.get_array() is not None:
            words = "standard deviation" + ("" if self.unit is None else f" ({self.unit})")
            self.colorbar_ = self.figure_.colorbar(
                self.quiver_,
                ax=self.ax_,
                label=words,
                shrink=0.8,
                aspect=25,
                pad=0.12 if view.kind == "solid" else 0.03,
            )


def _predicted(estimator: Any, X: Any) -> tuple[Any, Any, Any]:
    """Points that reach the last step of an estimator, its vectors there and their deviations."""
    regressor = final_step(estimator)
    name = type(regressor).__name__
    if "return_std" not in signature(getattr(regressor, "predict", len)).parameters:
        raise ValueError(
            f"{name} predicts no standard deviations (its predict has no return_std): pass "
            "predictions to VectorFieldDisplay.from_field(X, vectors)."
        )
    points = check_array(input_of_final_step(estimator, X), input_name="X")
    vectors, std = regressor.predict(points, return_std=True)
    if np.shape(vectors) != points.shape:
        raise ValueError(
            f"{name} predicts values of shape {np.shape(vectors)} at points of shape "
            f"{points.shape}, as of a scalar field or of coordinates in frames, but arrows need "
            "vectors of the width of the points. Turn coordinates in frames into vectors, and pass "
            "them to VectorFieldDisplay.from_field(X, vectors)."
        )
    return points, vectors, std


def _checked_number(n_arrows: Any, n_points: int) -> int:
    if n_arrows == "auto":
        n_arrows = _N_ARROWS
    if not isinstance(n_arrows, Integral) or n_arrows < 1:
        raise ValueError(f"n_arrows must be 'auto' or an integer of at least 1, got {n_arrows!r}.")
    return min(int(n_arrows), n_points)


def _checked_reach(scale: float | None) -> float | None:
    if scale is None:
        return None
    if not 0 < scale < np.inf:
        raise ValueError(f"scale must be positive and finite, or None, got {scale!r}.")
    return 1 / scale


def _with_others(rows: NDArray[np.intp], n_points: int) -> NDArray[np.intp]:
    """These rows and others at random, all if they are not too many."""
    others = np.random.RandomState(0).permutation(n_points)[:_N_DOTS]
    return np.union1d(rows, others)


def _reach(view: FieldView, points: FloatArray, vectors: FloatArray) -> float:
    """Length in units of the view with which to draw a vector of length 1."""
    apart = spacing(points, 1)
    if view.kind == "sphere":
        apart /= float(np.linalg.norm(points - view.center, axis=1).mean()) or 1.0
    return _REACH * apart / _typical_length(vectors) or 1.0


def _typical_length(vectors: FloatArray) -> float:
    """Length that few vectors exceed; 1 if there are only vectors of length nought."""
    return float(np.quantile(np.linalg.norm(vectors, axis=1), _SHARE)) or 1.0
