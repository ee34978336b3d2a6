"""Features of clusters: how much alike they are, and how many dimensions each cluster has."""

from bisect import bisect_right
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import normalize
from sklearn.utils import check_array, check_consistent_length, check_scalar, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skmanifold.plotting._color import scale
from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._matplotlib import import_pyplot

# Okabe and Ito's colours but for black and yellow: told apart by the colour-blind, on white.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_STYLES = ("-", "--", "-.", ":")
_MAX_TOLD_APART = len(_COLORS) * len(_STYLES)
_TICK_SIZE = 7.0  # of the names of clusters, in units of 1/72 inch
_ROOMY = 0.1  # share of the axes that has room for a name however small they are: saves measuring
_MAX_UPRIGHT = 2  # letters of names below the image that are not turned


class SubspaceDisplay:
    """Similarities between the features of clusters, and the singular spectrum of each.

    The first panel shows how much the features of any two samples are alike, sorted by cluster:
    the absolute value of their cosine. Where subspaces are orthogonal, only blocks on the diagonal
    are coloured: dark ones of few dimensions, paler ones of many. The second panel shows the
    singular values of the features of each cluster and of all: how soon the curve of a cluster
    falls tells the dimension of its subspace.

    Make one with :meth:`from_estimator`; the constructor only stores.

    Parameters
    ----------
    features : array-like of shape (n_samples, n_components)
        Features; similarities do not depend on their length.
    labels : array-like of shape (n_samples,)
        Cluster of each sample: integers or names.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the similarities.
    axes_ : ndarray of matplotlib Axes, of shape (n_panels,)
        The axes of similarities and spectra; of similarities alone if a single `ax` was passed.
    figure_ : matplotlib Figure
        The figure of the axes.
    image_ : matplotlib AxesImage
        The similarities.
    rows_ : ndarray of shape (n_drawn,)
        Samples that are rows and columns of the image, as indices of `features`.
    colorbar_ : matplotlib Colorbar
        Scale of the similarities, from 0 to 1.
    lines_ : list of matplotlib Line2D
        The spectrum of each cluster, sorted by label, then that of all features. Empty if a single
        `ax` was passed.
    legend_ : matplotlib Legend or None
        Which cluster has which line; of more than 24 clusters, which nobody could tell apart, all
        lines are alike.

    See Also
    --------
    RateDisplay : Coding rates over the epochs of the training.
    EmbeddingDisplay : Scatter plot of features.

    Examples
    --------
    Two clusters: one on a line, one in a plane that is orthogonal to it.

    >>> import numpy as np
    >>> from skmanifold.plotting import SubspaceDisplay
    >>> angles = np.linspace(0, 3, 20)
    >>> line = np.outer(np.linspace(-1, 1, 20), [1, 0, 0])
    >>> plane = np.column_stack([np.zeros(20), np.cos(angles), np.sin(angles)])
    >>> labels = np.repeat(["line", "plane"], 20)
    >>> display = SubspaceDisplay(np.concatenate([line, plane]), labels).plot()
    >>> spectrum = display.lines_[0].get_ydata()
    >>> (spectrum > 1e-9).tolist()
    [True, False, False]
    """

    def __init__(self, features: ArrayLike, labels: ArrayLike) -> None:
        self.features = features
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        max_samples: int = 1000,
        n_values: int | None = None,
        ax: Any = None,
        cmap: Any = None,
    ) -> Self:
        """Draw the features and clusters of a fitted estimator, or what it makes of `X`.

        Parameters
        ----------
        estimator : MCRClustering, or Pipeline or search that ends in one
            Fitted. Others will do if they have `embedding_` and `labels_`.
        X : array-like of shape (n_samples, n_features) or images, default=None
            Samples to transform and predict; None draws ``embedding_`` and ``labels_``.
        max_samples, n_values, ax, cmap
            As in :meth:`plot`.

        Returns
        -------
        display : SubspaceDisplay

        Raises
        ------
        ValueError
            If the estimator has no features or no clusters, or as :meth:`plot` does.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        display = cls(*_features_and_labels(estimator, X))
        return display.plot(ax, max_samples=max_samples, n_values=n_values, cmap=cmap)

    def plot(
        self,
        ax: Any = None,
        *,
        max_samples: int = 1000,
        n_values: int | None = None,
        cmap: Any = None,
    ) -> Self:
        """Draw similarities and spectra.

        Parameters
        ----------
        ax : matplotlib Axes, or array-like of two of them, default=None
            Where to draw: two are for similarities and spectra, one for the similarities alone.
            None makes a figure of two.
        max_samples : int, default=1000
            Most samples to draw similarities of, at least the number of clusters; the figure does
            not show more. Large clusters are thinned first, to one size: small ones stay visible.
            Spectra are of all samples.
        n_values : int or None, default=None
            Number of singular values to draw; None draws all.
        cmap : str, matplotlib Colormap or None, default=None
            Colour map of the similarities; None is "Blues".

        Returns
        -------
        display : SubspaceDisplay
            Itself.

        Raises
        ------
        ValueError
            If shapes or lengths do not fit, features are not finite, `max_samples` is less than
            the number of clusters, or `ax` holds neither one nor two Axes.
        TypeError
            If `max_samples` or `n_values` is no integer.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        features, names, codes = _checked(self.features, self.labels)
        n_values = _check_n_values(n_values, features.shape[1])
        self.rows_ = _drawn_rows(codes, max_samples)
        self.axes_ = _axes(plt, ax)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.lines_, self.legend_ = [], None
        self.image_ = _draw_similarities(self.ax_, features[self.rows_], scale(cmap or "Blues"))
        self.colorbar_ = self.figure_.colorbar(
            self.image_, cax=self.ax_.inset_axes([1.03, 0, 0.05, 1]), label="|cosine| of features"
        )
        if len(self.axes_) == 2:
            self.lines_ = _draw_spectra(self.axes_[1], features, codes, names, n_values)
            self.legend_ = _add_legend(self.axes_[1], self.lines_)
        _describe_rows(self.ax_, len(features), len(self.rows_))
        _mark_clusters(self.ax_, codes[self.rows_], names)
        return self


def _features_and_labels(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Those of the fit, or of other samples."""
    clusterer = final_step(estimator)
    for name, words in (("labels_", "clusters"), ("embedding_", "features")):
        if not hasattr(clusterer, name):
            raise ValueError(
                f"{type(clusterer).__name__} has no {words} (no {name}): fit an MCRClustering, or "
                "pass features and labels to SubspaceDisplay(features, labels).plot()."
            )
    if X is None:
        return clusterer.embedding_, clusterer.labels_
    return estimator.transform(X), estimator.predict(X)


def _checked(
    features: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], list[str], NDArray[np.intp]]:
    """Features, names of the clusters, and the cluster of each sample as an index of these."""
    features = check_array(features, dtype=np.float64, input_name="features")
    labels = column_or_1d(labels)
    check_consistent_length(features, labels)
    values, codes = np.unique(labels, return_inverse=True)
    return features, [str(value) for value in values], codes


def _check_n_values(n_values: int | None, n_components: int) -> int:
    if n_values is None:
        return n_components
    return min(check_scalar(n_values, "n_values", Integral, min_val=1), n_components)


def _drawn_rows(codes: NDArray[np.intp], max_samples: int) -> NDArray[np.intp]:
    """At most `max_samples` rows sorted by cluster, evenly spaced within each."""
    sizes = np.bincount(codes)
    check_scalar(max_samples, "max_samples", Integral)
    if max_samples < len(sizes):
        raise ValueError(
            f"max_samples={max_samples} is less than the number of clusters, {len(sizes)}."
        )
    # The largest quota with which all clusters together are few enough.
    quotas = range(int(sizes.max()) + 1)
    quota = bisect_right(quotas, max_samples, key=lambda q: np.minimum(sizes, q).sum()) - 1
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(sizes)[:-1])
    return np.concatenate([rows[_evenly(len(rows), quota)] for rows in members])


def _evenly(n: int, n_chosen: int) -> NDArray[np.intp]:
    """`n_chosen` different indices below `n`, or all if these are fewer."""
    return np.arange(min(n, n_chosen)) * n // min(n, n_chosen)


def _axes(plt: Any, ax: Any) -> NDArray[Any]:
    """The given axes, or the two of a new figure."""
    if ax is None:
        figure = plt.figure(figsize=(10.0, 4.4), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        return figure.subplots(1, 2)
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if len(axes) not in (1, 2):
        raise ValueError(
            f"ax must be one Axes, for the similarities, or two, for similarities and spectra; got "
            f"{len(axes)}."
        )
    return axes


def _draw_similarities(ax: Any, features: NDArray[np.float64], cmap: Any) -> Any:
    directions = normalize(features)
    cosines = np.abs(directions @ directions.T)
    return ax.imshow(np.minimum(cosines, 1.0), vmin=0, vmax=1, cmap=cmap)


def _describe_rows(ax: Any, n_samples: int, n_drawn: int) -> None:
    some = f" ({n_drawn:,} of {n_samples:,})" if n_drawn < n_samples else ""
    ax.set(xlabel=f"samples by cluster{some}", ylabel="samples by cluster")


def _mark_clusters(ax: Any, codes: NDArray[np.intp], names: list[str]) -> None:
    """Lines between the clusters, and names at those that have the room."""
    ends = np.cumsum(np.bincount(codes)) - 0.5
    # Many lines have to be thin, or they would hide what is between them.
    style: dict[str, Any] = {"color": "#404040", "linewidth": min(0.5, 6 / len(ends))}
    for border in ends[:-1]:
        ax.axhline(border, **style)
        ax.axvline(border, **style)
    starts = np.r_[-0.5, ends[:-1]]
    named = _with_room(ax, (starts + ends) / 2, ends - starts, names)
    rotation = 90 if max(map(len, names)) > _MAX_UPRIGHT else 0
    style = {"labels": [names[at] for at in named], "fontsize": _TICK_SIZE}
    ax.set_xticks((starts + ends)[named] / 2, rotation=rotation, **style)
    ax.set_yticks((starts + ends)[named] / 2, **style)
    ax.tick_params(length=0)


def _with_room(
    ax: Any, centers: NDArray[np.float64], sizes: NDArray[np.float64], names: list[str]
) -> list[int]:
    """Clusters whose names do not come too close to those of larger ones, in order."""
    if sizes.min() > _ROOMY * sizes.sum():
        return list(range(len(sizes)))
    ax.figure.canvas.figure.draw_without_rendering()  # settles the size of the axes
    points = ax.get_window_extent().height / ax.figure.dpi * 72 / sizes.sum()
    least = 1.6 * _TICK_SIZE / points  # as two digits are wide
    kept: list[int] = []
    for at in np.argsort(-sizes, kind="stable"):
        if all(abs(centers[at] - centers[other]) >= least for other in kept):
            kept.append(int(at))
    return sorted(kept)


def _draw_spectra(
    ax: Any,
    features: NDArray[np.float64],
    codes: NDArray[np.intp],
    names: list[str],
    n_values: int,
) -> list[Any]:
    """One line for each cluster, and a black one for all."""
    lines = [
        _draw_spectrum(ax, features[codes == at], n_values, label=name, **style)
        for at, (name, style) in enumerate(zip(names, _line_styles(len(names)), strict=True))
    ]
    lines.append(_draw_spectrum(ax, features, n_values, label="all", color="k", linewidth=2.2))
    ax.set(xlabel="index of the singular value", ylabel="singular value / largest")
    ax.set(xlim=(0.5, n_values + 0.5), ylim=(0, 1.04))
    ax.grid(alpha=0.3, linewidth=0.5)
    return lines


def _draw_spectrum(ax: Any, features: NDArray[np.float64], n_values: int, **style: Any) -> Any:
    """Singular values over the largest; what a cluster of few samples has not is nought."""
    values = np.zeros(n_values)
    found = np.linalg.svd(features, compute_uv=False)[:n_values]
    values[: len(found)] = found / (found[0] or 1.0)
    marker = "o" if n_values <= 10 else None
    return ax.plot(np.arange(1, n_values + 1), values, marker=marker, markersize=3, **style)[0]


def _line_styles(n_clusters: int) -> list[dict[str, Any]]:
    """Colours first, then dashes; thin lines all alike where too many to tell apart."""
    if n_clusters > _MAX_TOLD_APART:
        return [{"color": "#0072B2", "linewidth": 0.8, "alpha": 0.5}] * n_clusters
    return [
        {"color": _COLORS[at % len(_COLORS)], "linestyle": _STYLES[at // len(_COLORS)]}
        for at in range(n_clusters)
    ]


def _add_legend(ax: Any, lines: list[Any]) -> Any:
    """Beside the axes, where it hides no line."""
    handles, labels = lines, [line.get_label() for line in lines]
    if len(lines) - 1 > _MAX_TOLD_APART:
        handles, labels = lines[-2:], [f"each of {len(lines) - 1}", "all"]
    return ax.legend(
        handles,
        labels,
        title="cluster",
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize="small",
        handlelength=2.6,
        ncols=1 + (len(handles) - 1) // 16,
    )
