"""Progress of a fit, told to scikit-learn's callbacks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any

Step = Callable[[str], AbstractContextManager[None]]


@contextmanager
def fit_steps(estimator: Any, n_steps: int, X: Any) -> Iterator[Step]:
    """Run a fit of at most `n_steps` named steps inside scikit-learn's callback context.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        The estimator being fitted; its ``fit`` is wrapped in `sklearn.callback.with_callbacks`.
    n_steps : int
        The most steps that the fit will take; what a progress bar counts to.
    X : array-like
        The training data, which callbacks may ask for.

    Yields
    ------
    step : callable
        ``with step("graph"):`` marks the work of one step.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from sklearn.callback import CallbackSupportMixin, with_callbacks
    >>> from skmanifold.utils import fit_steps
    >>> class Center(CallbackSupportMixin, BaseEstimator):
    ...     @with_callbacks
    ...     def fit(self, X, y=None):
    ...         with fit_steps(self, 1, X) as step, step("mean"):
    ...             self.mean_ = sum(X) / len(X)
    ...         return self
    >>> Center().fit([1.0, 3.0]).mean_
    2.0
    """
    root = estimator._init_callback_context(max_subtasks=n_steps)
    root.call_on_fit_task_begin(estimator=estimator, X=X)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        task = root.subcontext(task_name=name)
        task.call_on_fit_task_begin(estimator=estimator)
        yield
        task.call_on_fit_task_end(estimator=estimator)

    yield step
    root.call_on_fit_task_end(estimator=estimator, X=X)


def undone_on_failure(fit: Callable) -> Callable:
    """Make a ``fit`` that fails or is interrupted leave the estimator as it was before.

    Validation alone already renews ``n_features_in_`` and ``feature_names_in_``.
    """

    @wraps(fit)
    def careful_fit(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        before = vars(estimator).copy()
        try:
            return fit(estimator, *args, **kwargs)
        except BaseException:
            # Private ones too, but scikit-learn still needs its callback context to tear down.
            for name in [name for name in vars(estimator) if "callback" not in name]:
                delattr(estimator, name)
            vars(estimator).update(before)
            raise

    return careful_fit
