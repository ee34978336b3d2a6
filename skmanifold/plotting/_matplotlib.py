"""matplotlib, imported only when something is drawn."""

from typing import Any


def import_pyplot(caller: str) -> Any:
    """`matplotlib.pyplot`, or an error that says how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f'{caller} draws with matplotlib: pip install "skmanifold[plot]"'
        ) from error
    return plt
