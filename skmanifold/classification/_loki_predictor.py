"""Classification over a label space of which only a part was seen."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn import get_config
from sklearn.base import ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state, gen_batches, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skmanifold.base import ManifoldEstimator
from skmanifold.classification._class_hiding import Samples, as_column, class_weights, hiding_folds
from skmanifold.classification._frechet_rule import FrechetRule
from skmanifold.label_space import (
    TEMPERATURES,
    TOP_K,
    all_risks,
    as_label_space,
    as_weights,
    least_risk,
    least_risks,
    softmax,
    softness,
    standardized_errors,
    temper,
    tune,
)
from skmanifold.utils import fit_steps, resolve_device, row_chunks, undone_on_failure
from skmanifold.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    num_samples,
    routing_enabled,
    take_rows,
)

# Samples that the settings are tuned on: at least, at most, and times operations for each of them.
N_LEAST, N_MOST, N_OPERATIONS = 100, 1000, 1_000_000_000


def _offers(method):
    """Whether there is a method: with a label metric always, else if the base estimator has it."""

    def check(self):
        if self.label_metric is None:
            getattr(getattr(self, "estimator_", self._base()), method)  # may raise AttributeError
        return True

    return check


class LokiPredictor(MetaEstimatorMixin, ClassifierMixin, CallbackSupportMixin, ManifoldEstimator):
    """Classifier that predicts labels it has never seen, by the geometry of the label space.

    A classifier knows the classes it was trained on. Where distances between *all* labels are
    known (a taxonomy, an order, a map), its probabilities of the seen classes say more: they are
    masses at points of that space, and the prediction is their Frechet mean, the label

    .. math:: \\hat y(x) = \\arg\\min_y \\sum_i p_i(x)\\, d(y, y_i)^2

    over the whole space [1]_. Probabilities of *cat* and *carp* give *vertebrate*, those of grades
    2 and 4 give grade 3, seen or not.

    The rule is exact on every kind of label space, by an algorithm that is made for it, and
    `predict` never makes an array of samples x labels. How far to trust the probabilities is
    tuned by cross-validation that hides classes, since untuned the rule may do worse than the
    likeliest class.

    Read more in the :ref:`User Guide <loki_predictor>`.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Gives the probabilities of the seen classes, by ``predict_proba`` or else the softmax of
        ``decision_function``. None is :class:`~sklearn.linear_model.LogisticRegression`. For
        a classifier that is fitted already pass :class:`~sklearn.frozen.FrozenEstimator` of it:
        then `fit` only tunes, and its `y` may hold classes that the classifier does not know.
    label_metric : array-like, DataFrame, graph, mapping, str, callable or None, default=None
        Distances between the labels, matched to the classes by label, never by position.

        - None: no geometry. The estimator is its base estimator exactly.
        - Array of shape (n_labels, n_labels): distances between `labels`.
        - Array of another shape: one embedding per label of `labels`; Euclidean distances.
        - DataFrame indexed by label: distances, if its columns are the labels too; else embeddings.
        - networkx graph of labels, with ``"weight"`` as the length of edges, or a sparse array
          with the lengths of the edges between `labels`: shortest paths.
        - Mapping ``{child: parent}`` (or to several parents) with edges of length 1, or a string
          in Newick's notation: path lengths on the tree.
        - Mapping ``{label: vector}``: Euclidean distances.
        - ``"ordinal"``: differences of numbers, or of places in `labels`. Without `labels`, all
          integers between the classes may be predicted.
        - ``"grid"``: Euclidean distances between cells of a grid of shape `labels`, whose labels
          are 0, 1, ... row by row.
        - Callable: ``label_metric(A, B)`` gives the distances between two arrays of `labels`.
    labels : {"all", "leaves"}, tuple or array-like, default="all"
        The labels of the rows for a metric without names, see there. For a DataFrame,
        networkx graph, mapping or tree: which labels may be predicted.
    power : float, default=2.0
        Exponent of the distance. 2 is the Frechet mean; smaller values, down to the median at 1,
        follow the likeliest class more often.
    temperature : float, "auto" or "cv", default="auto"
        Weights of the classes are the probabilities to the power of 1 / temperature: towards 0
        the likeliest class, 1 the published rule. ``"auto"`` picks it by cross-validation that
        hides a third of the classes at a time by masking their probabilities, without any refit.
        ``"cv"`` refits the base estimator without them, which costs three more fits and scores
        seen classes on samples that were held out. If all labels were seen, there is nothing to
        hide, and ``"auto"`` refits as well.
    top_k : int, "all", "auto" or "cv", default="auto"
        How many of the likeliest classes have weights; ``"auto"`` and ``"cv"`` as for
        `temperature`. 1 is the likeliest class.
    unseen_share : float, default=0.5
        What share of the samples to predict is expected to be of unseen classes, from 0 to 1. The
        tuning and the error bars weigh hidden classes by it. Larger shares take temperatures up:
        more is gained for unseen classes, and more hits on seen ones are lost.
    method : {"auto", "tree", "embedding", "graph", "dense"}, default="auto"
        How the minimum is found; all methods give the same answer. ``"auto"`` is the fastest for
        the label metric, ``"dense"`` compares all labels and works for any.
    batch_size : int or "auto", default="auto"
        Samples that the base estimator predicts at a time. ``"auto"`` follows scikit-learn's
        ``working_memory``.
    device : str or torch.device, default="auto"
        Where the minimum is looked for: ``"auto"`` is CUDA where there is one and the CPU
        elsewhere. The base estimator is not moved.
    random_state : int, RandomState instance or None, default=None
        Seed of the classes that are hidden and of the samples that the settings are tuned on.
    n_jobs : int or None, default=None
        Refits of ``"cv"`` that run in parallel.

    Attributes
    ----------
    estimator_ : classifier
        The fitted base estimator.
    classes_ : ndarray of shape (n_classes,)
        All labels that may be predicted, sorted.
    seen_classes_ : ndarray of shape (n_seen_classes,)
        Classes that the base estimator knows.
    label_space_ : LabelSpace or None
        The label metric as it was read: a tree, graph, matrix, points or function.
    locus_ : ndarray of shape (n_locus,)
        Labels that can be predicted at all, whatever the probabilities: on a tree the paths
        between the seen classes. For more than half a million distances from seen classes to
        labels that no other label rules out, these labels are given, which include the locus.
    temperature_ : float
        Temperature used.
    top_k_ : int or None
        Number of classes with weights; None is all.
    proba_scale_ : float
        Risk that `predict_proba` divides by, of the greatest likelihood in the cross-validation.
    cv_results_ : dict or None
        ``"temperature"``, ``"top_k"`` and ``"score"`` of the settings that were tried; the
        score is the mean of ``distance ** power`` between prediction and truth, over hidden
        classes by `unseen_share` and for the rest over seen ones. None if nothing was tuned.
    n_features_in_ : int
        Number of features seen in `fit`, if the base estimator says so.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the base estimator knows them.

    Raises
    ------
    ValueError
        In `fit`, if the label metric is not one (see
        :func:`skmanifold.label_space.as_label_space`) or does not know a class. The message names
        the labels.

    See Also
    --------
    skmanifold.metrics.mean_squared_label_distance : What the predictions are good at.
    sklearn.calibration.CalibratedClassifierCV : Better probabilities of the seen classes.

    Notes
    -----
    Equal risks go to the lowest label, so that results do not depend on the device or the order
    of the label metric. With a base estimator of perfect accuracy on seen classes the
    settings tend to trade some of it for distances to unseen ones: look at accuracy and at the
    mean squared distance, and lower `power` where the former matters.

    References
    ----------
    .. [1] N. Roberts, X. Li, D. Adila, S. Cromp, T.-H. Huang, J. Zhao and F. Sala, "Geometry-aware
       adaptation for pretrained models", NeurIPS 2023.

    Examples
    --------
    Ten grades, of which four were seen:

    >>> import numpy as np
    >>> from skmanifold import LokiPredictor
    >>> rng = np.random.default_rng(0)
    >>> grades = rng.integers(0, 10, 400)
    >>> X = grades[:, None] + rng.normal(size=(400, 1))
    >>> seen = np.isin(grades, [0, 3, 6, 9])
    >>> model = LokiPredictor(label_metric="ordinal", random_state=0)
    >>> model.fit(X[seen], grades[seen]).classes_
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    >>> int(model.predict([[4.5]])[0])
    4
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "label_metric": "no_validation",
        "labels": "no_validation",
        "power": [Interval(Real, 0, None, closed="neither")],
        "temperature": [StrOptions({"auto", "cv"}), Interval(Real, 0, None, closed="neither")],
        "top_k": [StrOptions({"all", "auto", "cv"}), Interval(Integral, 1, None, closed="left")],
        "unseen_share": [Interval(Real, 0, 1, closed="both")],
        "method": [StrOptions({"auto", "tree", "embedding", "graph", "dense"})],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        label_metric=None,
        labels="all",
        power=2.0,
        temperature="auto",
        top_k="auto",
        unseen_share=0.5,
        method="auto",
        batch_size="auto",
        device="auto",
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.label_metric = label_metric
        self.labels = labels
        self.power = power
        self.temperature = temperature
        self.top_k = top_k
        self.unseen_share = unseen_share
        self.method = method
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    # The base estimator is validated by its own fit, and may be nested.
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    @undone_on_failure
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the base estimator, and tune how far to trust its probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Whatever the base estimator takes.
        y : array-like of shape (n_samples,)
            Classes, all of which the label metric knows.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights for the base estimator and for the scores of the tuning.
        **fit_params : dict
            Passed to the ``fit`` of the base estimator, or routed there where metadata routing
            is enabled.

        Returns
        -------
        self : LokiPredictor
        """
        resolve_device(self.device)  # a device that is not there should not cost a fit
        params = self._routed(sample_weight, fit_params)
        with fit_steps(self, 3, X) as step:
            with step("label space"):
                space = self._read_label_space(y)
            with step("base estimator"):
                self.estimator_ = clone(self._base()).fit(X, y, **params)
            self._set_label_space(space)
            with step("tuning"):
                self._tune(X, y, sample_weight, params)
        return self

    def _base(self):
        return LogisticRegression() if self.estimator is None else self.estimator

    def _routed(self, sample_weight, fit_params):
        """Keywords for the base estimator's fit."""
        if routing_enabled():
            routed = process_routing(self, "fit", sample_weight=sample_weight, **fit_params)
            return routed.estimator.fit
        if sample_weight is None or isinstance(self._base(), FrozenEstimator):
            return fit_params
        if not has_fit_parameter(self._base(), "sample_weight"):
            raise ValueError(
                f"sample_weight was given, but {type(self._base()).__name__}.fit does not take it. "
                "The parts of a pipeline take theirs as step__sample_weight."
            )
        return {"sample_weight": sample_weight, **fit_params}

    def _read_label_space(self, y):
        """The label space, checked to know the classes in y."""
        if self.label_metric is None:
            if not (isinstance(self.labels, str) and self.labels == "all"):
                raise ValueError("labels is given without label_metric, which it belongs to.")
            return None
        y = present = as_column(y, warn=True)
        if isinstance(self._base(), FrozenEstimator):  # which may know classes that y lacks
            present = [*np.unique(y).tolist(), *np.unique(self._base().classes_).tolist()]
        space = as_label_space(self.label_metric, self.labels, y_labels=present)
        space.nodes_of(y)
        return space

    def _set_label_space(self, space):
        """What follows from the classes that the base estimator knows."""
        if not hasattr(self.estimator_, "classes_"):
            raise ValueError(f"estimator must be a classifier, got {self._base()!r}.")
        self.seen_classes_ = self.estimator_.classes_
        self.label_space_ = space
        self.classes_ = self.seen_classes_ if space is None else space.labels
        self._rule = None if space is None else self._make_rule(space, self.seen_classes_)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
            elif hasattr(self, name):
                delattr(self, name)  # of an earlier fit

    def _make_rule(self, space, classes, what="estimator_.classes_"):
        """The rule for probabilities of some classes, with the parameters of now."""
        nodes = space.nodes_of(classes, what)
        return FrechetRule(space, nodes, power=self.power, method=self.method)

    @property
    def _risk(self):
        """The risk over the labels of the fit."""
        return self._rule.risk_on(resolve_device(self.device))

    def _tune(self, X, y, sample_weight, params):
        """Settings as they were given, or from cross-validation that hides classes."""
        asked = {self.temperature, self.top_k} & {"auto", "cv"}
        self.temperature_, self.top_k_ = self._settings()
        self.cv_results_, self.proba_scale_, self._errors = None, 1.0, None
        if self.label_space_ is None:
            return
        folds = self._folds(X, y, sample_weight, params, asked)
        tuned_on = self.label_space_, self._risk, folds
        if asked and folds:
            found = tune(*tuned_on, *self._grid(), power=self.power)
            self.temperature_, self.top_k_ = found.temperature, found.top_k
            self.cv_results_ = found.as_dict()
        setting = self.temperature_, self.top_k_
        self.proba_scale_ = softness(*tuned_on, setting)
        self._errors = folds and standardized_errors(*tuned_on, setting, power=self.power)

    def _settings(self):
        """Temperature and number of classes (None: all) as given; the published ones if not."""
        temperature = 1.0 if self.temperature in ("auto", "cv") else float(self.temperature)
        return temperature, None if self.top_k in ("all", "auto", "cv") else self.top_k

    def _grid(self):
        """Temperatures and numbers of classes to choose from."""
        top_ks = [k for k in TOP_K if k is None or k < len(self.seen_classes_)]
        tempered = self.temperature in ("auto", "cv") and self.top_k != 1
        return (
            TEMPERATURES if tempered else [self.temperature_],
            top_ks if self.top_k in ("auto", "cv") else [self.top_k_],
        )

    def _folds(self, X, y, sample_weight, params, asked):
        """Samples, and probabilities of some classes while others are hidden."""
        # Fewer samples where each of them costs more, or nothing but error bars hangs on them.
        cost = self._risk.cost * len(self._risk.contenders())
        n_rows = int(np.clip(N_OPERATIONS // cost, N_LEAST, N_MOST))
        return hiding_folds(
            self.estimator_,
            self._base(),
            self.label_space_,
            Samples(*indexable(X), as_column(y), sample_weight, params),
            unseen_share=self.unseen_share,
            refit="cv" if "cv" in asked else "auto" if asked else "never",
            n_rows=n_rows if asked else max(N_LEAST, n_rows // 4),
            random_state=check_random_state(self.random_state),
            n_jobs=self.n_jobs,
        )

    def predict(self, X):
        """The label of least risk for each sample, whether the base estimator knows it or not.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Of equal risks, the lowest label. Where all labels are equally far from one another,
            what the base estimator predicts.
        """
        check_is_fitted(self)
        if self.label_space_ is None or self.label_space_.uniform:
            return self.estimator_.predict(X)
        found = [least_risk(self._risk, weights)[0] for weights in self._weights(X)]
        return self.classes_[np.concatenate(found)]

    def predict_topk(self, X, k=5):
        """The k labels of least risk for each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        k : int, default=5
            Number of labels, at most that of all.

        Returns
        -------
        y : ndarray of shape (n_samples, k)
            In ascending order of risk; the first is what `predict` gives.
        """
        self._check_geometry("predict_topk")
        if not (isinstance(k, Integral) and 1 <= k <= len(self.classes_)):
            raise ValueError(f"k must be an integer from 1 to {len(self.classes_)}, got {k!r}.")
        found = [least_risks(self._risk, weights, k) for weights in self._weights(X)]
        return self.classes_[np.concatenate(found)]

    def frechet_variance(self, X):
        """How spread out the probabilities are over the label space: an error bar.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        variance : ndarray of shape (n_samples,)
            Expected ``distance ** power`` of the prediction from a class drawn with the tempered
            probabilities, in units of the label metric to that power.
        """
        self._check_geometry("frechet_variance")
        found = [least_risk(self._risk, weights)[1] for weights in self._weights(X)]
        return np.concatenate(found)

    def error_radius(self, X, level=0.9):
        """Distance from each prediction within which the true label lies, an error bar.

        In the cross-validation of `fit`, where `unseen_share` of the weight was on hidden
        classes, a share `level` of the true labels was within this distance. It grows with the
        spread of the probabilities: it is a quantile of standardized errors (split conformal
        prediction), times ``(v + mean of v) ** (1 / power)`` with v the Frechet variance.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        level : float, default=0.9
            Coverage, between 0 and 1. As far as unseen labels are no stranger than hidden ones,
            and the base estimator has not learnt its training samples by heart:
            ``temperature="cv"`` holds samples out.

        Returns
        -------
        radius : ndarray of shape (n_samples,)
            In units of the label metric.
        """
        self._check_geometry("error_radius")
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1, got {level!r}.")
        if not self._errors:
            raise ValueError("error_radius needs a fit on two classes or more; there was one.")
        return self._rule.radius(self.frechet_variance(X), self._errors, level)

    @available_if(_offers("decision_function"))
    def decision_function(self, X):
        """Minus the risk of every label; greater is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) if there are two
            For two labels, the risk of the first less that of the second.

        Raises
        ------
        ValueError
            If the scores would take more than scikit-learn's ``working_memory``.
        """
        check_is_fitted(self)
        if self.label_space_ is None:
            return self.estimator_.decision_function(X)
        risks = self._all_risks(X)
        return risks[:, 0] - risks[:, 1] if len(self.classes_) == 2 else -risks

    @available_if(_offers("predict_proba"))
    def predict_proba(self, X):
        """Probabilities of all labels, a heuristic: the softmax of minus the scaled risks.

        The scale is that of the greatest likelihood in the cross-validation, in which labels were
        hidden; no more than that makes them probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If the array would take more than scikit-learn's ``working_memory``.
        """
        check_is_fitted(self)
        if self.label_space_ is None:
            return self.estimator_.predict_proba(X)
        return softmax(-self._all_risks(X) / self.proba_scale_)

    def predict_from_proba(self, P, classes):
        """Predictions from probabilities that come from elsewhere, a zero-shot model for instance.

        Parameters
        ----------
        P : array-like of shape (n_samples, n_given)
            Not negative; rows are scaled to sum to one.
        classes : array-like of shape (n_given,)
            The label of each column, any that the label metric knows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels of least risk, with the temperature and ``top_k`` that `fit` chose. Without
            a fit, those given to the constructor, where ``"auto"`` stands for the published 1 and
            ``"all"``; ``label_metric="ordinal"`` then needs `labels`.
        """
        if hasattr(self, "estimator_"):
            self._check_geometry("predict_from_proba")
            setting = self.temperature_, self.top_k_
            rule = self._rule.for_classes(classes)
        else:
            self._validate_params()
            if self.label_metric is None:
                raise ValueError("predict_from_proba needs a label_metric; it is None.")
            space = as_label_space(self.label_metric, self.labels)
            setting, rule = self._settings(), self._make_rule(space, classes, "classes")
        if len(np.unique(rule.seen)) < len(rule.seen):
            raise ValueError("classes must be distinct: one column of P for each.")
        weights = temper(as_weights(P, len(rule.seen)), *setting)
        risk = rule.risk_on(resolve_device(self.device))
        return rule.space.labels[least_risk(risk, weights)[0]]

    def select_next_class(self, n=1):
        """Labels to collect samples of next, so that predictions reach more of the label space.

        On a tree, each is the label farthest from the paths between all before it, which makes
        the locus as large as any `n` labels can. For other metrics, each is the one farthest from
        all labels before it (greedy k-centres).

        Parameters
        ----------
        n : int, default=1
            Number of labels.

        Returns
        -------
        labels : ndarray of shape (n,)
            Unseen labels, the most useful first; of equal ones the lowest.

        Raises
        ------
        ValueError
            If there are fewer than `n` unseen labels.
        """
        self._check_geometry("select_next_class")
        if not isinstance(n, Integral):
            raise ValueError(f"n must be an integer, got {n!r}.")
        return self.classes_[self.label_space_.next_to_label(self._rule.seen, n)]

    @property
    def locus_(self):
        check_is_fitted(self)
        if self.label_space_ is None:
            return self.classes_
        return self.classes_[self._rule.locus(resolve_device(self.device))]

    def _check_geometry(self, method):
        check_is_fitted(self)
        if self.label_space_ is None:
            raise ValueError(f"{method} needs a label_metric; this estimator was fitted with None.")

    def _weights(self, X):
        """Tempered weights of the seen classes, some samples at a time."""
        (X,) = indexable(X)  # sparse formats that cannot be sliced
        n_samples = num_samples(X)
        if self.batch_size == "auto":
            batches = list(row_chunks(n_samples, 64 * len(self.seen_classes_)))
        else:
            batches = list(gen_batches(n_samples, self.batch_size))
        # One batch is X itself, which the base estimator may refuse in its own words.
        parts = [X] if len(batches) < 2 else (take_rows(X, rows) for rows in batches)
        for part in parts:
            yield temper(class_weights(self.estimator_, part), self.temperature_, self.top_k_)

    def _all_risks(self, X):
        """Risks of all labels, where they fit in scikit-learn's working memory."""
        size = 8 * num_samples(X) * len(self.classes_) / 2**20
        if size > (allowed := get_config()["working_memory"]):
            raise ValueError(
                f"{num_samples(X)} samples x {len(self.classes_)} labels take {size:.0f} MiB, more "
                f"than working_memory={allowed}. Call with fewer samples, use predict or "
                "predict_topk, or raise it with sklearn.set_config(working_memory=...)."
            )
        found = [all_risks(self._risk, weights) for weights in self._weights(X)]
        return np.concatenate(found)

    def get_metadata_routing(self):
        """Where metadata go: all of ``fit``'s to the base estimator's ``fit``.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self._base(), method_mapping=mapping)

    def __sklearn_tags__(self):
        tags, of_base = super().__sklearn_tags__(), get_tags(self._base())
        tags.input_tags = of_base.input_tags
        tags.classifier_tags = of_base.classifier_tags or tags.classifier_tags
        return tags
