import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks

from skmanifold.utils import fit_steps


class Recorder:
    """A callback that notes every hook."""

    def __init__(self):
        self.events = []
        self.data = []

    def setup(self, estimator, context):
        self.events.append("setup")
        self.max_subtasks = context.max_subtasks

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self.events.append(f"begin {context.task_name}")
        self.data.append(X)

    def on_fit_task_end(self, estimator, context, *, X=None):
        self.events.append(f"end {context.task_name}")


class Stepper(CallbackSupportMixin, BaseEstimator):
    """An estimator of three steps, of which one may fail or be left out."""

    def __init__(self, fail_at=None, skip=None):
        self.fail_at = fail_at
        self.skip = skip

    @with_callbacks
    def fit(self, X, y=None):
        done = []
        with fit_steps(self, 3, X) as step:
            for name in ("graph", "heat", "scaling"):
                if name == self.skip:
                    continue
                with step(name):
                    if name == self.fail_at:
                        raise FloatingPointError(name)
                    done.append(name)
        self.done_ = done
        return self


def fitted(callback, **parameters):
    return Stepper(**parameters).set_callbacks(callback).fit([[1.0], [2.0]])


def test_without_callbacks():
    assert Stepper().fit([[1.0]]).done_ == ["graph", "heat", "scaling"]


def test_every_step_is_told_in_order():
    recorder = Recorder()
    assert fitted(recorder).done_ == ["graph", "heat", "scaling"]
    assert recorder.events == [
        "setup",
        "begin fit",
        *(f"{when} {name}" for name in ("graph", "heat", "scaling") for when in ("begin", "end")),
        "end fit",
        "teardown",
    ]
    assert recorder.max_subtasks == 3


def test_callbacks_see_the_data():
    recorder = Recorder()
    fitted(recorder)
    assert recorder.data[0] == [[1.0], [2.0]]


def test_fewer_steps_than_announced():
    recorder = Recorder()
    assert fitted(recorder, skip="heat").done_ == ["graph", "scaling"]
    assert recorder.events[-2:] == ["end fit", "teardown"]


def test_an_error_passes_and_callbacks_are_torn_down():
    recorder = Recorder()
    estimator = Stepper(fail_at="heat").set_callbacks(recorder)
    with pytest.raises(FloatingPointError, match="heat"):
        estimator.fit([[1.0]])
    assert recorder.events[-2:] == ["begin heat", "teardown"]
    assert "end fit" not in recorder.events  # the fit did not end, it failed
    # and the next fit starts afresh
    estimator.set_params(fail_at=None).fit([[1.0]])
    assert recorder.events[-2:] == ["end fit", "teardown"]


def test_fits_leave_no_trace_on_the_estimator():
    estimator = Stepper().fit([[1.0]])
    assert set(vars(estimator)) == {"fail_at", "skip", "done_"}
    assert clone(estimator).fit([[1.0]]).done_ == estimator.done_


def test_more_steps_than_announced_is_an_error():
    class TooMany(Stepper):
        @with_callbacks
        def fit(self, X, y=None):
            with fit_steps(self, 1, X) as step:
                for name in ("first", "second"):
                    with step(name):
                        pass
            return self

    with pytest.raises(ValueError, match="maximum"):
        TooMany().set_callbacks(Recorder()).fit([[1.0]])
