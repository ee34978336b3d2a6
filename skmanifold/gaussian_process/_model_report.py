"""What a search compared, as columns and as a table to read."""

import numpy as np

from skmanifold.gaussian_process._model_search import Model, ModelSearch
from skmanifold.gp import Found


def evidence_results(
    first: ModelSearch, judged: ModelSearch, chosen: Model
) -> dict[str, np.ndarray]:
    """One row for each candidate and each set of labels that it was judged on, best first.

    Parameters
    ----------
    first, judged : ModelSearch
        All candidates, and the best of them on more labels; one and the same where there are
        no more.
    chosen : Model

    Returns
    -------
    results : dict of str to ndarray of shape (n_rows,)
        ``"n_labels"``, ``"kernel"``, ``"local_kernel"``, ``"n_neighbors"``,
        ``"n_frame_neighbors"`` (0 where it plays no part), ``"log_evidence"``,
        ``"log_posterior"`` (what is compared) and ``"chosen"``.
    """
    rows = [
        _row(model, found, len(search.labels.positions), search is judged and model == chosen)
        for search in ([judged] if first is judged else [judged, first])
        for model, found in sorted(search.results.items(), key=lambda pair: -pair[1].log_posterior)
    ]
    names = "n_labels kernel local_kernel n_neighbors n_frame_neighbors log_evidence log_posterior"
    columns = zip(*rows, strict=True)
    return dict(zip([*names.split(), "chosen"], map(np.array, columns), strict=True))


def _row(model: Model, found: Found, n_labels: int, chosen: bool) -> tuple:
    """One candidate in the order of the columns."""
    radial = "" if model.terms == ("spectral",) else model.radial
    numbers = model.setting.n_neighbors or 0, model.setting.n_frame_neighbors or 0
    evidence = found.log_evidence, found.log_posterior
    return n_labels, str(model), radial, *numbers, *evidence, chosen


def evidence_table(results: dict[str, np.ndarray]) -> str:
    """The results as text, with the distance from the best candidate of each set of labels."""
    head = ("labels", "kernel", "local kernel", "graph", "frames", "log evidence", "behind", "")
    rows = [head]
    for row in zip(*results.values(), strict=True):
        n_labels, kernel, radial, graph, frames, evidence, posterior, chosen = row
        best = results["log_posterior"][results["n_labels"] == n_labels].max()
        numbers = [f"{n_labels}", str(kernel), str(radial), f"{graph or '-'}", f"{frames or '-'}"]
        rows.append((*numbers, f"{evidence:.1f}", f"{best - posterior:.1f}", "<-" * bool(chosen)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            word.ljust(width) if place in (1, 2) else word.rjust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def in_units_of_data(
    values: dict[str, float], unit: float, scale: np.ndarray
) -> dict[str, float | np.ndarray]:
    """Hyper-parameters of a search in the units of X and y.

    Parameters
    ----------
    values : dict of str to float
    unit : float
        Length in X.
    scale : float or ndarray of shape (n_outputs,)
        Of the targets.
    """
    units = {"lengthscale": unit, "scale": scale, "noise": scale, "nu": 1.0}
    return {name: value * units[name.split("_")[-1]] for name, value in values.items()}
