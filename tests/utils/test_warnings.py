"""Warnings name the line of the user's, however deep in the package they arise."""

import warnings
from functools import wraps

import pytest

from skmanifold.utils import warn_user


def defined_in(library, source, **names):
    """What `source` defines, as if it stood in a module of `library`."""
    scope = {"__name__": f"{library}._somewhere", **names}
    exec(source, scope)  # only code in a module of that name has its name
    return scope["function"]


def deep(levels, library="skmanifold"):
    """A function of a library that warns from so many calls deep."""
    function = warn_user
    for _ in range(levels):
        function = defined_in(library, "def function(*args): inner(*args)", inner=function)
    return function


@pytest.mark.parametrize("levels", [0, 1, 4])
@pytest.mark.parametrize("library", ["skmanifold", "sklearn"])
def test_the_caller_is_named(levels, library):
    function = deep(levels, library)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function("what happened")
    assert [(str(each.message), each.filename) for each in caught] == [("what happened", __file__)]


def test_decorators_of_other_libraries_are_users():
    def decorated(function):
        @wraps(function)
        def wrapper(*args):
            return function(*args)

        return wrapper

    function = defined_in(
        "skmanifold", "def function(*args): inner(*args)", inner=decorated(deep(1))
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function("what happened")
    assert caught[0].filename == __file__


def test_category():
    with pytest.warns(FutureWarning, match="later"):
        warn_user("later", FutureWarning)


def test_names_that_only_begin_like_a_library_are_users():
    function = defined_in("sklearn_extra", "def function(*args): inner(*args)", inner=deep(1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function("what happened")
    assert caught[0].filename != __file__
