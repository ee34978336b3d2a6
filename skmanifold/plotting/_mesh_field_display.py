"""Pictures of fields on meshes: the truth, what was predicted, the error and the uncertainty."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skmanifold.mesh import MeshSample
from skmanifold.plotting._cloud_pairs import input_of_final_step
from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._matplotlib import import_pyplot
from skmanifold.plotting._mesh_panels import (
    DrawnMesh,
    FloatArray,
    Panel,
    add_bar,
    arranged,
    draw_panel,
    drawn_mesh,
)

Component = Literal["magnitude"] | int


class MeshFieldDisplay:
    """A field on its mesh: truth, prediction, error and standard deviation, side by side.

    Truth and prediction share one scale of colours. The error, prediction minus truth, is red
    where the prediction is too high and blue where it is too low; of the magnitude of vectors it is
    the length of the difference. The standard deviation starts from nought. Panels for which there
    is nothing to show are left out.

    Make one with :meth:`from_estimator` or :meth:`from_fields`; the constructor only stores.

    Parameters
    ----------
    sample : MeshSample
        The mesh, in the plane or in space.
    truth, prediction, std : array-like of shape (n_nodes,) or (n_nodes, k), default=None
        Values at the nodes, and standard deviations of the prediction; at least one of them.
    name : str, default=None
        Name of the field, for the labels.
    unit : str, default=None
        Unit of the field, for the labels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the first panel.
    axes_ : ndarray of matplotlib Axes, of shape (n_panels,)
        The axes of all panels.
    figure_ : matplotlib Figure
        The figure of the axes.
    panels_ : tuple of str
        What the panels show, of "truth", "prediction", "error" and "std", in this order.
    artists_ : dict of str to matplotlib Collection
        What is coloured in each panel.
    colorbars_ : dict of str to matplotlib Colorbar
        The colour bar of each panel.

    See Also
    --------
    skmanifold.mesh.MeshSample : A mesh with its conditions and fields.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.mesh import MeshSample
    >>> from skmanifold.plotting import MeshFieldDisplay
    >>> points = np.array([[0, 0], [2, 0], [2, 1], [0, 1]])
    >>> plate = MeshSample(points, [[0, 1, 2, 3]], fields={"heat": [0.0, 1.0, 1.2, 0.1]})
    >>> display = MeshFieldDisplay.from_fields(
    ...     plate, truth=plate.fields["heat"], prediction=[0.1, 0.9, 1.2, 0.0], name="heat"
    ... )
    >>> display.panels_
    ('truth', 'prediction', 'error')
    """

    def __init__(
        self,
        sample: MeshSample,
        *,
        truth: ArrayLike | None = None,
        prediction: ArrayLike | None = None,
        std: ArrayLike | None = None,
        name: str | None = None,
        unit: str | None = None,
    ) -> None:
        self.sample = sample
        self.truth = truth
        self.prediction = prediction
        self.std = std
        self.name = name
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MeshSample,
        *,
        field: str | None = None,
        truth: ArrayLike | None = None,
        return_std: bool = True,
        unit: str | None = None,
        ax: Any = None,
        component: Component = "magnitude",
        edges: bool = False,
        cmap: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw what a fitted estimator predicts on a mesh.

        Parameters
        ----------
        estimator : MMGPRegressor, or Pipeline or search that ends in one
            Fitted. Others will do if they have its method `predict_fields`.
        X : MeshSample
            One mesh, with the conditions to predict for.
        field : str, default=None
            Which of the predicted fields to draw; needed if there are several.
        truth : array-like of shape (n_nodes,) or (n_nodes, k), default=None
            None takes the field of the same name from `X`, if it is there.
        return_std : bool, default=True
            Whether to predict and draw standard deviations.
        unit
            As in :class:`MeshFieldDisplay`.
        ax, component, edges, cmap, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : MeshFieldDisplay

        Raises
        ------
        ValueError
            If `X` is no single mesh, or `field` is none of the fields that are predicted; or as
            :meth:`plot` does.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(X, "points"):
            raise ValueError(
                f"X must be one MeshSample, got {type(X).__name__}: pick one, such as X[0]."
            )
        predictions, deviations = _predicted(estimator, X, return_std)
        field = _chosen(field, predictions)
        display = cls(
            X,
            truth=X.fields.get(field) if truth is None else truth,
            prediction=predictions[field],
            std=None if deviations is None else deviations[field],
            name=field,
            unit=unit,
        )
        return display.plot(ax, component=component, edges=edges, cmap=cmap, **kwargs)

    @classmethod
    def from_fields(
        cls,
        sample: MeshSample,
        *,
        truth: ArrayLike | None = None,
        prediction: ArrayLike | None = None,
        std: ArrayLike | None = None,
        name: str | None = None,
        unit: str | None = None,
        ax: Any = None,
        component: Component = "magnitude",
        edges: bool = False,
        cmap: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw given values.

        Parameters
        ----------
        sample, truth, prediction, std, name, unit
            As in :class:`MeshFieldDisplay`.
        ax, component, edges, cmap, **kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : MeshFieldDisplay

        Raises
        ------
        ValueError
            As :meth:`plot` does.
        ImportError
            If matplotlib is not installed.
        """
        display = cls(sample, truth=truth, prediction=prediction, std=std, name=name, unit=unit)
        return display.plot(ax, component=component, edges=edges, cmap=cmap, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        component: Component = "magnitude",
        edges: bool = False,
        cmap: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, or array-like of one for each panel, default=None
            Where to draw; one Axes of a grid is divided up. None makes a figure, whose panels are
            arranged by the shape of the mesh. Meshes in space need three-dimensional axes, but for
            one that is divided up.
        component : "magnitude" or int, default="magnitude"
            What to draw of fields of several components: their length, or one of them.
        edges : bool, default=False
            Whether to draw the edges of the triangles. Quads are drawn as two of them.
        cmap : str or matplotlib Colormap, default=None
            Colour map of truth and prediction; None is viridis.
        **kwargs
            Passed on to matplotlib's `tripcolor`, or `plot_trisurf` in space.

        Returns
        -------
        display : MeshFieldDisplay
            Itself.

        Raises
        ------
        ValueError
            If there is nothing to draw, shapes do not fit the mesh or each other, values are not
            finite, standard deviations are negative, or the field has no such component.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        panels = self._panels(component, cmap)
        mesh = drawn_mesh(np.asarray(self.sample.points), np.asarray(self.sample.cells))
        self.axes_ = _axes(plt, ax, mesh, len(panels))
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.panels_ = tuple(panels)
        self.artists_, self.colorbars_ = {}, {}
        for each, (name, panel) in zip(self.axes_, panels.items(), strict=True):
            self.artists_[name] = draw_panel(each, mesh, panel, edges=edges, **kwargs)
            self.colorbars_[name] = add_bar(each, mesh, self.artists_[name], panel.label)
        return self

    def _panels(self, component: Component, cmap: Any) -> dict[str, Panel]:
        """What there is to show, one value for each node."""
        fields = self._checked()
        values = {name: _component(field, component) for name, field in fields.items()}
        label = _label(self._words(component, next(iter(fields.values())).ndim == 2), self.unit)
        pair = [values[name] for name in ("truth", "prediction") if name in values]
        panels = {
            name: Panel(name, values[name], label, _limits(*pair), cmap)
            for name in ("truth", "prediction")
            if name in values
        }
        if len(pair) == 2:
            difference = fields["prediction"] - fields["truth"]
            error = _component(difference, component)
            signed = difference.ndim == 1 or component != "magnitude"
            most = float(np.abs(error).max()) or 1.0
            limits, colors = ((-most, most), "RdBu_r") if signed else ((0.0, most), "Reds")
            words = (
                label
                if signed
                else _label(f"|{self.name} error|" if self.name else None, self.unit)
            )
            panels["error"] = Panel("error", error, words, limits, colors)
        if "std" in values:
            most = float(values["std"].max()) or 1.0
            panels["std"] = Panel("standard deviation", values["std"], label, (0, most), "Purples")
        return panels

    def _words(self, component: Component, vectors: bool) -> str | None:
        """Name of what is drawn of the field."""
        if not vectors or not self.name:
            return self.name
        return f"|{self.name}|" if component == "magnitude" else f"{self.name}[{component}]"

    def _checked(self) -> dict[str, FloatArray]:
        """The fields that are there, as arrays of one shape."""
        given = {name: getattr(self, name) for name in ("truth", "prediction", "std")}
        fields = {
            name: check_array(value, dtype=np.float64, input_name=name, ensure_2d=False)
            for name, value in given.items()
            if value is not None
        }
        if not fields:
            raise ValueError("There is nothing to draw: pass truth, prediction or std.")
        n_nodes = len(self.sample.points)
        first = next(iter(fields))
        for name, field in fields.items():
            if field.ndim > 2 or len(field) != n_nodes:
                raise ValueError(
                    f"{name} must have the shape ({n_nodes},) or ({n_nodes}, k), a value for each "
                    f"node of the mesh, got {field.shape}."
                )
            if field.shape != fields[first].shape:
                raise ValueError(
                    f"{name} must have the shape of {first}, {fields[first].shape}, got "
                    f"{field.shape}."
                )
        if "std" in fields and fields["std"].min() < 0:
            raise ValueError(f"std must not be negative, got {fields['std'].min():.3g}.")
        return fields


_EQUAL = 1e-12  # share of their size within which values are all alike


def _predicted(
    estimator: Any, X: MeshSample, return_std: bool
) -> tuple[Mapping[str, FloatArray], Mapping[str, FloatArray] | None]:
    """Fields of one mesh, and their standard deviations if wanted."""
    regressor = final_step(estimator)
    if not hasattr(regressor, "predict_fields"):
        raise ValueError(
            f"{type(regressor).__name__} predicts no fields (it has no predict_fields): pass "
            "predictions to MeshFieldDisplay.from_fields(sample, prediction=...)."
        )
    samples = input_of_final_step(estimator, [X])
    if not return_std:
        return regressor.predict_fields(samples)[0], None
    predictions, deviations = regressor.predict_fields(samples, return_std=True)
    return predictions[0], deviations[0]


def _chosen(field: str | None, predictions: Mapping[str, FloatArray]) -> str:
    """The field to draw."""
    if field is None and len(predictions) == 1:
        return next(iter(predictions))
    if field not in predictions:
        raise ValueError(
            f"field must be one of the fields that are predicted, {list(predictions)}, "
            f"got {field!r}."
        )
    return field


def _component(field: FloatArray, component: Component) -> FloatArray:
    """One value for each node."""
    if component == "magnitude":
        return field if field.ndim == 1 else np.linalg.norm(field, axis=1)
    width = 1 if field.ndim == 1 else field.shape[1]
    if not isinstance(component, Integral) or not 0 <= component < width:
        raise ValueError(
            f"component must be 'magnitude' or an integer from 0 to {width - 1}, as the field has "
            f"{width} component{'s' if width > 1 else ''}; got {component!r}."
        )
    return field if field.ndim == 1 else field[:, component]


def _label(words: str | None, unit: str | None) -> str:
    """What a colour bar is of: "|velocity| (m/s)", "velocity[0] (m/s)" or "heat"."""
    return " ".join(filter(None, [words, unit and f"({unit})"]))


def _limits(*values: FloatArray) -> tuple[float, float]:
    """Lowest and highest value, apart even where all are equal."""
    if not values:
        return 0.0, 1.0
    low, high = float(min(map(np.min, values))), float(max(map(np.max, values)))
    room = 0.0 if high - low > _EQUAL * max(abs(low), abs(high)) else 0.01 * abs(low) or 1.0
    return low - room, high + room


def _axes(plt: Any, ax: Any, mesh: DrawnMesh, n_panels: int) -> NDArray[Any]:
    """The given axes, or new ones in the place of one, or in a new figure."""
    (n_rows, n_columns), size = arranged(mesh, n_panels)
    if ax is None:
        figure = plt.figure(figsize=size, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
        grid = figure.add_gridspec(n_rows, n_columns)
    elif n_panels > 1 and getattr(ax, "get_subplotspec", lambda: None)() is not None:
        figure, grid = ax.figure, ax.get_subplotspec().subgridspec(n_rows, n_columns)
        ax.set_axis_off()
    else:
        return _check_axes(np.atleast_1d(np.asarray(ax, dtype=object)).ravel(), mesh, n_panels)
    axes: list[Any] = []
    for place in np.ndindex(n_rows, n_columns):
        # Flat panels show the same part of the mesh, however one zooms.
        shared = {"sharex": axes[0], "sharey": axes[0]} if axes and not mesh.solid else {}
        kind = {"projection": "3d"} if mesh.solid else {}
        axes.append(figure.add_subplot(grid[place], **kind, **shared))
    return np.array(axes)


def _check_axes(axes: NDArray[Any], mesh: DrawnMesh, n_panels: int) -> NDArray[Any]:
    """Given axes, of the right number and projection."""
    if len(axes) != n_panels:
        raise ValueError(
            f"ax must be one Axes of a grid, or one for each of {n_panels} panels; got {len(axes)}."
        )
    if any((each.name == "3d") != mesh.solid for each in axes):
        raise ValueError(
            "ax must have projection='3d' where the mesh lies in space, and not where it is flat."
        )
    return axes
