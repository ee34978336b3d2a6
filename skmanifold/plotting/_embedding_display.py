"""Scatter plots of embeddings in one, two or three dimensions."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skmanifold.plotting._color import Classes, as_classes, palette, scale
from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._matplotlib import import_pyplot

# Past this many points a vector file would be slow to open: draw them as one image inside it.
_RASTERIZE_FROM = 10_000
# A legend longer than this would be taller than the figure and say nothing.
_MAX_LEGEND_ENTRIES = 40


class EmbeddingDisplay:
    """Scatter plot of an embedding.

    Make one with :meth:`from_estimator` or :meth:`from_embedding`; the constructor only stores.

    Parameters
    ----------
    embedding : array-like of shape (n_samples, n_components)
        The embedded points.
    color : array-like of shape (n_samples,) or None, default=None
        What to colour by. Strings, booleans and integers of at most 20 different values are
        classes and get a legend; other numbers get a colour bar, and grey where they are NaN.
        Convert with ``astype(float)`` or ``astype(str)`` to choose.
    color_label : str or None, default=None
        Title of the colour bar or the legend; None takes the name of `color`, if it is a named
        series.
    axis_labels : sequence of str or None, default=None
        Name of each component; None is "component 1", "component 2", ...

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on; three-dimensional for three components.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    scatter_ : matplotlib PathCollection
        The points, in a random order, so that no class hides the others.
    colorbar_ : matplotlib Colorbar or None
        The colour bar, if `color` is numeric.
    legend_ : matplotlib Legend or None
        The legend, if `color` holds classes (at most 40).

    See Also
    --------
    sklearn.inspection.DecisionBoundaryDisplay : A picture of a classifier.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skmanifold.plotting import EmbeddingDisplay
    >>> iris = load_iris()
    >>> pca = PCA(n_components=2).fit(iris.data)
    >>> species = iris.target_names[iris.target]
    >>> display = EmbeddingDisplay.from_estimator(pca, iris.data, y=species)
    >>> display.ax_.get_xlabel()
    'PCA 1'
    """

    def __init__(
        self,
        embedding: ArrayLike,
        *,
        color: ArrayLike | None = None,
        color_label: str | None = None,
        axis_labels: Sequence[str] | None = None,
    ) -> None:
        self.embedding = embedding
        self.color = color
        self.color_label = color_label
        self.axis_labels = axis_labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        y: ArrayLike | None = None,
        color_label: str | None = None,
        ax: Any = None,
        components: Sequence[int] | None = None,
        cmap: Any = None,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw what a fitted estimator makes of `X`, or the embedding it was fitted to.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Fitted; with `transform` or `embedding_`.
        X : array-like of shape (n_samples, n_features) or None, default=None
            Points to transform; None draws ``estimator.embedding_``.
        y : array-like of shape (n_samples,) or None, default=None
            What to colour by, see `color` of :class:`EmbeddingDisplay`.
        color_label : str or None, default=None
            Title of the colour bar or the legend.
        ax, components, cmap, **scatter_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        ValueError
            If the estimator cannot give an embedding, or lengths or shapes do not fit.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        embedder = final_step(estimator)
        embedding = _embedding(estimator, embedder, X)
        display = cls(
            embedding,
            color=y,
            color_label=color_label,
            axis_labels=_component_names(embedder, np.shape(embedding)[-1]),
        )
        return display.plot(ax, components=components, cmap=cmap, **scatter_kwargs)

    @classmethod
    def from_embedding(
        cls,
        embedding: ArrayLike,
        *,
        color: ArrayLike | None = None,
        color_label: str | None = None,
        axis_labels: Sequence[str] | None = None,
        ax: Any = None,
        components: Sequence[int] | None = None,
        cmap: Any = None,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw embedded points.

        Parameters
        ----------
        embedding, color, color_label, axis_labels
            As in :class:`EmbeddingDisplay`.
        ax, components, cmap, **scatter_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        ValueError
            If lengths or shapes do not fit.
        ImportError
            If matplotlib is not installed.
        """
        display = cls(embedding, color=color, color_label=color_label, axis_labels=axis_labels)
        return display.plot(ax, components=components, cmap=cmap, **scatter_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        components: Sequence[int] | None = None,
        cmap: Any = None,
        **scatter_kwargs: Any,
    ) -> Self:
        """Draw the embedding.

        One component is drawn along the axis, scattered across it as widely as the points are
        dense; two and three components with equal scales, since distances mean something.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure. Three components need three-dimensional axes.
        components : sequence of one to three int or None, default=None
            Columns of the embedding to draw; None takes all where there are at most three, and the
            first two otherwise.
        cmap : str, matplotlib Colormap or None, default=None
            Colour map of a numeric colour; None is viridis.
        **scatter_kwargs
            Passed on to matplotlib's `scatter`, such as `s` and `alpha`. By default points shrink
            as they become more, and past 10,000 are drawn as an image inside vector files.

        Returns
        -------
        display : EmbeddingDisplay
            Itself.

        Raises
        ------
        ValueError
            If lengths or shapes do not fit.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        embedding = check_array(self.embedding, dtype=np.float64, input_name="embedding")
        columns = _columns(components, embedding.shape[1])
        labels = _axis_labels(self.axis_labels, embedding.shape[1])
        colors = _check_color(self.color, embedding)
        self.ax_ = _axes(plt, ax, len(columns), wide=isinstance(colors, Classes))
        self.figure_ = self.ax_.figure

        order = np.random.RandomState(0).permutation(len(embedding))
        points = _positions(embedding[order][:, columns])
        style = _scatter_style(colors, order, cmap) | scatter_kwargs
        self.scatter_ = self.ax_.scatter(*points.T, **style)
        _label_axes(self.ax_, [labels[column] for column in columns])
        self._add_key(colors, own_figure=ax is None)
        return self

    def _add_key(self, colors: Classes | NDArray[np.float64] | None, *, own_figure: bool) -> None:
        """Colour bar or legend."""
        self.colorbar_ = self.legend_ = None
        title = getattr(self.color, "name", None) if self.color_label is None else self.color_label
        if isinstance(colors, np.ndarray):
            pad = 0.12 if self.ax_.name == "3d" else 0.03
            self.colorbar_ = self.figure_.colorbar(self.scatter_, ax=self.ax_, label=title, pad=pad)
        elif colors is not None and len(colors.names) <= _MAX_LEGEND_ENTRIES:
            self.legend_ = _legend(self.ax_, colors.names, title, own_figure=own_figure)


def _embedding(estimator: Any, embedder: Any, X: Any) -> Any:
    """``estimator.transform(X)``, or without X the stored embedding."""
    name = type(embedder).__name__
    if X is None:
        if not hasattr(embedder, "embedding_"):
            raise ValueError(f"{name} keeps no embedding_: pass the points to transform as X.")
        return embedder.embedding_
    if not hasattr(estimator, "transform"):
        raise ValueError(f"{name} has no transform: leave X out to draw its embedding_.")
    return estimator.transform(X)


def _component_names(embedder: Any, n_components: int) -> list[str]:
    """Names the estimator gives to its output, or a readable form of its generic ones."""
    kind = type(embedder).__name__
    generic = [f"{kind.lower()}{i}" for i in range(n_components)]
    names = generic
    if hasattr(embedder, "get_feature_names_out"):
        names = [str(name) for name in embedder.get_feature_names_out()]
    if names != generic:
        return names
    return [f"{kind.removesuffix('Embedding') or kind} {i + 1}" for i in range(n_components)]


def _columns(components: Sequence[int] | None, n_components: int) -> list[int]:
    """The one to three columns to draw."""
    if components is None:
        return list(range(n_components if n_components <= 3 else 2))
    columns = list(components)
    if not 1 <= len(columns) <= 3 or not all(0 <= column < n_components for column in columns):
        raise ValueError(
            f"components must name one to three columns between 0 and {n_components - 1}, "
            f"got {components!r}."
        )
    return columns


def _axis_labels(labels: Sequence[str] | None, n_components: int) -> list[str]:
    if labels is None:
        return [f"component {i + 1}" for i in range(n_components)]
    if len(labels) != n_components:
        raise ValueError(
            f"axis_labels has {len(labels)} names, but the embedding has {n_components} components."
        )
    return list(labels)


def _check_color(
    color: ArrayLike | None, embedding: NDArray[np.float64]
) -> Classes | NDArray[np.float64] | None:
    """Classes, numbers or None, of the embedding's length."""
    if color is None:
        return None
    if len(values := column_or_1d(color)) != len(embedding):
        raise ValueError(f"color has {len(values)} values for {len(embedding)} embedded points.")
    classes = as_classes(values)
    return values.astype(np.float64) if classes is None else classes


def _axes(plt: Any, ax: Any, n_dims: int, *, wide: bool) -> Any:
    """The given axes, or those of a new figure, `wide` enough for a legend beside them."""
    if ax is None:
        figure = plt.figure(figsize=(8.0, 4.8) if wide else None, layout="constrained")
        return figure.add_subplot(projection="3d" if n_dims == 3 else None)
    if (ax.name == "3d") != (n_dims == 3):
        raise ValueError(
            f"ax is {'' if ax.name == '3d' else 'not '}three-dimensional, but {n_dims} components "
            "are drawn: make the axes with projection='3d' for three, without for one or two."
        )
    return ax


def _positions(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where to draw: a single component is spread sideways within its own histogram."""
    if points.shape[1] > 1:
        return points
    counts, edges = np.histogram(points, bins=50)
    bins = np.searchsorted(edges[1:-1], points, side="right")
    sideways = np.random.RandomState(0).uniform(-1, 1, size=points.shape)
    return np.hstack([points, sideways * counts[bins] / counts.max()])


def _scatter_style(
    colors: Classes | NDArray[np.float64] | None, order: NDArray[np.intp], cmap: Any
) -> dict[str, Any]:
    """Arguments of `scatter`: colours of the points in drawing order, size by their number."""
    n_points = len(order)
    style: dict[str, Any] = {
        "s": float(np.clip(12_000 / n_points, 1.0, 24.0)),
        "linewidths": 0,
        "rasterized": n_points > _RASTERIZE_FROM,
    }
    if isinstance(colors, Classes):
        return style | {"c": palette(len(colors.names))[colors.codes[order]]}
    if colors is not None:
        return style | {"c": colors[order], "cmap": scale(cmap), "plotnonfinite": True}
    return style


def _label_axes(ax: Any, labels: list[str]) -> None:
    ax.set_xlabel(labels[0])
    if len(labels) == 1:
        ax.set_yticks([])
        ax.spines[["left", "right", "top"]].set_visible(False)
        return
    ax.set_ylabel(labels[1])
    if len(labels) == 3:
        ax.set_zlabel(labels[2])
    # Wider limits keep the panel's shape; shared axes must keep their limits instead.
    shared = len(ax.get_shared_x_axes().get_siblings(ax)) > 1
    ax.set_aspect("equal", adjustable="box" if shared or len(labels) == 3 else "datalim")


def _legend(ax: Any, names: list[str], title: str | None, *, own_figure: bool) -> Any:
    """Legend beside the axes, with markers large enough to see.

    In a figure of our own it belongs to the figure, whose layout then makes room for it.
    """
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker="o", linestyle="", color=color, label=name)
        for name, color in zip(names, palette(len(names)), strict=True)
    ]
    draw, place = ax.legend, {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)}
    if own_figure:
        draw, place = ax.figure.legend, {"loc": "outside center right"}
    return draw(
        handles=marks,
        title=title,
        **place,
        frameon=False,
        fontsize="small",
        ncols=1 + (len(names) - 1) // 20,
    )
