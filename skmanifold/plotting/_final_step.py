"""Which estimator of a pipeline or a search a picture is of."""

from typing import Any


def final_step(estimator: Any) -> Any:
    """The step that has the result: the last of a pipeline, the best of a search."""
    if hasattr(estimator, "best_estimator_"):
        return final_step(estimator.best_estimator_)
    if hasattr(estimator, "steps"):
        return final_step(estimator.steps[-1][1])
    return estimator
