"""Pictures of label spaces: what was seen, what can be predicted, and what was."""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skmanifold.label_space import LabelSpace, as_label_space, as_labels
from skmanifold.plotting._final_step import final_step
from skmanifold.plotting._label_layout import LabelLayout, label_layout
from skmanifold.plotting._label_marks import (
    LABEL,
    NO_LABEL,
    OUT_OF_REACH,
    REACHABLE,
    SEEN,
    LabelStatus,
    add_legend,
    draw_lines,
    draw_marks,
)
from skmanifold.plotting._label_names import draw_names
from skmanifold.plotting._matplotlib import import_pyplot

_AXIS_LABELS = {
    "list": {"xlabel": "distance from the root"},
    "line": {"xlabel": "coordinate"},
    "grid": {"xlabel": "column", "ylabel": "row"},
    "plane": {"xlabel": "coordinate 1", "ylabel": "coordinate 2"},
    "scaled": {"xlabel": "MDS 1", "ylabel": "MDS 2"},
}


class LabelSpaceDisplay:
    """Picture of a label space: seen classes, labels that can be predicted, and predictions.

    Small trees are listed like folders, with every name, the distance from the root running to
    the right. Larger trees have their root in the centre of a circle; of those of more than 2000
    nodes only the paths between the labels of interest are drawn. Labels on a line or in the plane
    are drawn where they are, a grid with its first row on top. All other label metrics are shown
    by multidimensional scaling: positions whose distances come near those of the metric, of at
    most 2000 labels.

    Make one with :meth:`from_estimator` or :meth:`from_label_metric`; the constructor only stores.

    Parameters
    ----------
    label_space : LabelSpace
        Such as ``label_space_`` of a fitted :class:`skmanifold.LokiPredictor`.
    seen : array-like of shape (n_seen,) or None, default=None
        Labels that were trained on; on a tree, the paths between them are drawn darker.
    locus : array-like of shape (n_locus,) or None, default=None
        Labels that can be predicted. None does not tell them from the others.
    predicted : array-like of shape (n_samples,) or None, default=None
        Predicted labels; rings around them grow with the number of samples.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    nodes_ : ndarray of shape (n_drawn,)
        Nodes of the label space that are drawn, as numbers of its ``names``.
    positions_ : ndarray of shape (n_drawn, 2)
        Where they are.
    lines_ : matplotlib LineCollection or None
        Edges of a tree or graph.
    legend_ : matplotlib Legend
        What the marks mean.
    texts_ : list of matplotlib Text
        Names of labels: of all where they are few, of seen and predicted ones where these are. A
        name that would overlap another one or a mark is left out.

    See Also
    --------
    EmbeddingDisplay : Picture of an embedding of samples.

    Examples
    --------
    >>> from skmanifold.plotting import LabelSpaceDisplay
    >>> parents = {"cat": "mammal", "cow": "mammal", "carp": "fish",
    ...            "mammal": "animal", "fish": "animal"}
    >>> display = LabelSpaceDisplay.from_label_metric(parents, seen=["cat", "carp"])
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['seen (2)', 'unseen, can be predicted (3)', 'unseen, out of reach (1)']
    """

    def __init__(
        self,
        label_space: LabelSpace,
        *,
        seen: ArrayLike | None = None,
        locus: ArrayLike | None = None,
        predicted: ArrayLike | None = None,
    ) -> None:
        self.label_space = label_space
        self.seen = seen
        self.locus = locus
        self.predicted = predicted

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any = None, *, ax: Any = None) -> Self:
        """Draw the label space of a fitted :class:`skmanifold.LokiPredictor`.

        Parameters
        ----------
        estimator : LokiPredictor, or Pipeline or search that ends in one
            Fitted, with a label metric.
        X : array-like of shape (n_samples, n_features) or None, default=None
            Samples whose predictions are marked.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LabelSpaceDisplay

        Raises
        ------
        ValueError
            If the estimator has no label space.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        predictor = final_step(estimator)
        if getattr(predictor, "label_space_", None) is None:
            raise ValueError(
                f"{type(predictor).__name__} has no label space to draw: fit a LokiPredictor with "
                "a label_metric."
            )
        return cls(
            predictor.label_space_,
            seen=predictor.seen_classes_,
            locus=predictor.locus_,
            predicted=None if X is None else estimator.predict(X),
        ).plot(ax)

    @classmethod
    def from_label_metric(
        cls,
        label_metric: Any,
        labels: Any = "all",
        *,
        seen: ArrayLike | None = None,
        predicted: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw a label metric before anything is fitted, or with predictions from elsewhere.

        Parameters
        ----------
        label_metric, labels
            As in :class:`skmanifold.LokiPredictor`.
        seen : array-like of shape (n_seen,) or None, default=None
            Labels that are, or would be, trained on; repeated ones count once. What can then be
            predicted, by squared distances, is marked as well.
        predicted : array-like of shape (n_samples,) or None, default=None
            Predicted labels.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LabelSpaceDisplay

        Raises
        ------
        ValueError
            If the label metric is not one, or does not know a label.
        ImportError
            If matplotlib is not installed.
        """
        import_pyplot(f"{cls.__name__}.from_label_metric")
        given = {"seen": seen, "predicted": predicted}
        known = [as_labels(part, name) for name, part in given.items() if part is not None]
        present = [label for part in known for label in np.unique(part).tolist()]
        space = as_label_space(label_metric, labels, y_labels=present or None)
        locus = None if seen is None else _locus(space, seen)
        return cls(space, seen=seen, locus=locus, predicted=predicted).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the label space.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure of a size that fits the names.

        Returns
        -------
        display : LabelSpaceDisplay
            Itself.

        Raises
        ------
        ValueError
            If the label space does not know a label.
        ImportError
            If matplotlib is not installed.
        """
        plt = import_pyplot(f"{type(self).__name__}.plot")
        space, status = self.label_space, self._status()
        marked = _by_importance(status)
        layout = label_layout(space, np.flatnonzero(status.kind == SEEN), marked)
        self.nodes_, self.positions_ = layout.nodes, layout.positions
        self.ax_ = _axes(plt, layout) if ax is None else ax
        self.figure_ = self.ax_.figure
        self.lines_ = draw_lines(self.ax_, layout)
        radii = draw_marks(self.ax_, layout, status)
        _frame(self.ax_, layout, len(space.names))
        self.legend_ = add_legend(self.ax_, layout, status, own_figure=ax is None)
        self.texts_ = draw_names(self.ax_, layout, status, space.names, radii)
        return self

    def _status(self) -> LabelStatus:
        space = self.label_space
        kind = np.full(len(space.names), NO_LABEL)
        kind[space.candidates] = LABEL if self.locus is None else OUT_OF_REACH
        if self.locus is not None:
            kind[space.nodes_of(self.locus, "locus")] = REACHABLE
        if self.seen is not None:
            kind[space.nodes_of(self.seen, "seen")] = SEEN
        n_predicted = np.zeros(len(kind), dtype=np.intp)
        if self.predicted is not None:
            np.add.at(n_predicted, space.nodes_of(self.predicted, "predicted"), 1)
        return LabelStatus(kind, n_predicted)


def _locus(space: LabelSpace, seen: ArrayLike) -> NDArray[Any]:
    """Labels that can have the least expected squared distance, where some labels are seen."""
    nodes = np.unique(space.nodes_of(seen, "seen"))
    risk = space.risk(nodes, power=2.0, method="auto", device=torch.device("cpu"))
    return space.labels[space.attainable(nodes, risk, 2.0)]


def _by_importance(status: LabelStatus) -> NDArray[np.intp]:
    """Seen and predicted nodes, then those that could be."""
    rank = 2.0 * (status.kind == SEEN) + (status.kind == REACHABLE) + 1.5 * (status.n_predicted > 0)
    return np.argsort(-rank, kind="stable")[: np.count_nonzero(rank)]


def _axes(plt: Any, layout: LabelLayout) -> Any:
    """Axes of a new figure, wide enough for a legend beside them and high enough for the rows."""
    height = {"list": max(2.2, 0.8 + 0.2 * len(layout.nodes)), "line": 2.2, "circle": 6.0}
    figure = plt.figure(figsize=(8.0, height.get(layout.kind, 4.8)), layout="constrained")
    return figure.add_subplot()


def _frame(ax: Any, layout: LabelLayout, n_nodes: int) -> None:
    """Limits, scales and labels of the axes, and how much of the label space they show."""
    ax.margins(0.08)  # room for names
    ax.autoscale_view()
    if layout.kind in ("list", "line"):
        _frame_rows(ax, layout)
    else:
        # Points in the plane may lie along a line, where wider limits keep the panel's shape.
        fitting = layout.kind in ("circle", "grid")
        ax.set_aspect("equal", adjustable="box" if fitting else "datalim")
    if layout.kind == "circle":
        ax.set_axis_off()
    if layout.kind == "grid":
        ax.yaxis.set_inverted(True)
        for axis in (ax.xaxis, ax.yaxis):
            axis.get_major_locator().set_params(integer=True)
    ax.set(**_AXIS_LABELS.get(layout.kind, {}))
    if len(layout.nodes) < n_nodes:
        chosen = "" if layout.kind == "scaled" else ": paths between marked labels"
        words = f"{len(layout.nodes):,} of {n_nodes:,} nodes{chosen}"
        ax.set_title(words, fontsize="medium")


def _frame_rows(ax: Any, layout: LabelLayout) -> None:
    """Only the horizontal axis means something."""
    rows = layout.positions[:, 1]
    ax.set(yticks=[], ylim=(rows.min() - 1, rows.max() + 1))
    ax.spines[["left", "right", "top"]].set_visible(False)
    if layout.kind == "line":
        ax.margins(x=0.12)
