"""Coding rates over the epochs in which clusters were learnt."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._matplotlib import import_pyplot

# Label, colour and style of each curve: told apart without seeing colours, and in grey.
_CURVES = {
    "rate": (r"$R$, all features", "#000000", "-"),
    "cluster_rate": (r"$R_c$, within clusters", "#D55E00", "--"),
    "rate_reduction": (r"$R - R_c$, rate reduction", "#0072B2", "-."),
}


class RateDisplay:
    """Coding rates of a :class:`skmanifold.MCRClustering` over the epochs of its training.

    The rate R of all features should rise while features spread out, in the warm-up. The
    refinement then raises what the clusters save, the rate reduction R - R_c. Curves that still
    rise at the end of a stage ask for more epochs.

    Make one with :meth:`from_estimator`; the constructor only stores.

    Parameters
    ----------
    stage : array-like of int, of shape (n_epochs,)
        1 for epochs of the warm-up, then 2 for those of the refinement, if there was one.
    rate : array-like of shape (n_epochs,)
        R in nats, of the features of all samples.
    cluster_rate : array-like of shape (n_epochs,)
        R_c in nats, of the features of each cluster by itself; only drawn in stage 2, and NaN
        will do for stage 1.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    lines_ : dict of str to matplotlib Line2D
        The curve "rate", and where there is a second stage "cluster_rate" and "rate_reduction".
    legend_ : matplotlib Legend
        What the curves are.
    texts_ : list of matplotlib Text
        Names of the stages.

    See Also
    --------
    SubspaceDisplay : The features that were learnt, by cluster.

    References
    ----------
    T. Ding, S. Tong, K. H. R. Chan, X. Dai, Y. Ma, B. D. Haeffele, "Unsupervised Manifold
    Linearizing and Clustering", ICCV 2023.

    Examples
    --------
    >>> from skmanifold.plotting import RateDisplay
    >>> nan = float("nan")
    >>> display = RateDisplay(
    ...     stage=[1, 1, 1, 2, 2], rate=[20, 40, 45, 44, 43], cluster_rate=[nan, nan, nan, 25, 20]
    ... ).plot()
    >>> display.lines_["rate_reduction"].get_ydata().tolist()
    [19.0, 23.0]
    """

    def __init__(self, stage: ArrayLike, rate: ArrayLike, cluster_rate: ArrayLike) -> None:
        self.stage = stage
        self.rate = rate
        self.cluster_rate = cluster_rate

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **line_kwargs: Any) -> Self:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : MCRClustering, or Pipeline or search that ends in one
            Fitted. Others will do if they have its `rate_history_`.
        ax, **line_kwargs
            As in :meth:`plot`.

        Returns
        -------
        display : RateDisplay

        Raises
        ------
        ValueError
            If the estimator keeps no rates, or as :meth:`plot` does.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        clusterer = final_step(estimator)
        if not hasattr(clusterer, "rate_history_"):
            raise ValueError(
                f"{type(clusterer).__name__} keeps no coding rates (it has no rate_history_): "
                "fit an MCRClustering."
            )
        history = clusterer.rate_history_
        display = cls(history["stage"], history["rate"], history["cluster_rate"])
        return display.plot(ax, **line_kwargs)

    def plot(self, ax: Any = None, **line_kwargs: Any) -> Self:
        """Draw the rates; a vertical line parts the two stages, if there are two.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        **line_kwargs
            Passed on to matplotlib's `plot` of all curves, such as `linewidth` and `alpha`.

        Returns
        -------
        display : RateDisplay
            Itself.

        Raises
        ------
        ValueError
            If there are no epochs, the arrays are not of one length, or `stage` is anything but
            some 1, then some 2.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        stage, *rates = _checked(self.stage, self.rate, self.cluster_rate)
        self.ax_ = plt.figure(layout="constrained").add_subplot() if ax is None else ax
        self.figure_ = self.ax_.figure
        self.lines_ = {
            name: _draw(self.ax_, name, epochs, values, line_kwargs)
            for name, (epochs, values) in _curves(stage, *rates).items()
        }
        # Several rates are compared by their heights; a single one by how it rises.
        _set_axes(self.ax_, len(stage), from_nought=len(self.lines_) > 1)
        self.texts_ = _mark_stages(self.ax_, stage)
        # Last, since it looks for a place that is free of lines and names.
        self.legend_ = self.ax_.legend(
            handles=list(self.lines_.values()), frameon=False, fontsize="small"
        )
        return self


def _checked(
    stage: ArrayLike, rate: ArrayLike, cluster_rate: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The arrays, of one length."""
    stage = column_or_1d(stage)
    rate, cluster_rate = (column_or_1d(each, dtype=np.float64) for each in (rate, cluster_rate))
    check_consistent_length(stage, rate, cluster_rate)
    if not len(stage):
        raise ValueError("There is nothing to draw: no epoch has ended.")
    if not np.isin(stage, [1, 2]).all() or (np.diff(stage) < 0).any():
        raise ValueError(f"stage must be 1 in the first epochs, then 2; got {stage!r}.")
    return stage, rate, cluster_rate


def _curves(
    stage: NDArray[Any], rate: NDArray[np.float64], cluster_rate: NDArray[np.float64]
) -> dict[str, tuple[NDArray[Any], NDArray[np.float64]]]:
    """Epochs, counted from 1, and values of each curve."""
    epochs, late = np.arange(1, len(stage) + 1), stage == 2
    curves = {"rate": (epochs, rate)}
    if late.any():
        curves["cluster_rate"] = epochs[late], cluster_rate[late]
        curves["rate_reduction"] = epochs[late], (rate - cluster_rate)[late]
    return curves


def _draw(
    ax: Any,
    name: str,
    epochs: NDArray[Any],
    values: NDArray[np.float64],
    line_kwargs: dict[str, Any],
) -> Any:
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    label, color, linestyle = _CURVES[name]
    # A line through a single epoch would not be seen.
    marker = "o" if len(epochs) == 1 else None
    style = {"label": label, "color": color, "linestyle": linestyle, "marker": marker}
    return ax.plot(epochs, values, **(style | normalize_kwargs(line_kwargs, Line2D)))[0]


def _set_axes(ax: Any, n_epochs: int, *, from_nought: bool) -> None:
    """Whole epochs along the axis, and room above the curves for the names of the stages."""
    from matplotlib.ticker import MaxNLocator

    ax.set(xlabel="epoch", ylabel="coding rate (nats)", xlim=(0.5, n_epochs + 0.5))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    ax.margins(y=0.12)
    if from_nought:
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))


def _mark_stages(ax: Any, stage: NDArray[Any]) -> list[Any]:
    """A line between the stages, and their names at the outer ends, where there is most room."""
    n_early = int((stage == 1).sum())
    if 0 < n_early < len(stage):
        ax.axvline(n_early + 0.5, color="#808080", linewidth=0.8, linestyle=":")
    texts = []
    if n_early:
        texts.append(_write(ax, 0.015, "left", "warm-up"))
    if n_early < len(stage):
        texts.append(_write(ax, 0.985, "right", "refinement"))
    return texts


def _write(ax: Any, x: float, align: str, name: str) -> Any:
    """A name at the top; of a stage too short for it, it hides a bit of the line behind it."""
    return ax.text(
        x,
        0.98,
        name,
        ha=align,
        va="top",
        transform=ax.transAxes,
        fontsize="small",
        color="#606060",
        bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 1.5},
    )
