"""The locus: which labels can be predicted at all, whatever the probabilities."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import softmax

from skmanifold.utils import row_chunks

# Differences of risk below this part of a label's largest one are rounding of the products or of
# the solver, whose own default of 1e-7 would leave distances of a few hundred hops in doubt.
TOLERANCE = 1e-9
SOLVER = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
# Rounds of the game before the linear programs: it has then settled nearly all labels.
N_ROUNDS = 40
# Rivals that join a linear program at once.
N_RIVALS = 8


def locus(table: NDArray) -> NDArray[np.bool_]:
    """Which labels have the least risk under some probabilities of the seen labels.

    Label y is in the locus if some P >= 0 of sum 1 has (P @ table)[y] <= (P @ table)[z] for all
    labels z. Labels that share the least risk are all in it.

    This is a matrix game: one player looks for such a P, the other mixes rivals of y so that they
    are nearer than y to every seen label. Multiplicative weights [1]_, for many labels at once,
    find a P or such a mixture for nearly all. For each label that is left, a linear program looks
    for the P of the widest margin over a few rivals, and as long as another label has less risk
    under that P, it joins the rivals.

    Parameters
    ----------
    table : ndarray of shape (n_seen, n_labels)
        Distances of the seen labels to all labels, to the power that predictions minimise.

    Returns
    -------
    inside : ndarray of shape (n_labels,)
        Exact up to ties: risks that differ by less than 1e-9 of the label's largest are equal.

    References
    ----------
    .. [1] Y. Freund and R. E. Schapire, "Adaptive game playing using multiplicative weights",
       Games and Economic Behavior 29, 1999.
    """
    table = np.asarray(table, dtype=np.float64)
    slack = TOLERANCE * table.max(axis=0)
    inside = np.zeros(table.shape[1], dtype=bool)
    for row in table:  # the risks where one seen label is certain
        inside |= row - row.min() <= slack
    undecided = np.flatnonzero(~inside)
    for chunk in row_chunks(len(undecided), 16 * len(inside)):
        inside |= _play(table, slack, undecided[chunk][~inside[undecided[chunk]]])
    return inside


def _play(
    table: NDArray[np.float64], slack: NDArray[np.float64], labels: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Which labels turn out to be in the locus where `labels` are decided."""
    inside = np.zeros(table.shape[1], dtype=bool)
    score = np.zeros((len(labels), len(table)))
    rivals = np.empty((len(labels), 0), dtype=np.intp)
    for step in 2 / np.sqrt(np.arange(1, N_ROUNDS + 1)):
        risks = softmax(score, axis=1) @ table
        rival = risks.argmin(axis=1)
        excess = risks[np.arange(len(labels)), labels] - risks.min(axis=1)
        inside[rival] = True
        inside[labels[excess <= slack[labels]]] = True
        score += step * _scaled(table[:, rival] - table[:, labels]).T
        rivals = np.column_stack([rivals, rival])
        # Scores all below 0: the rivals so far, mixed, are nearer than the label to every seen one.
        open_ = ~inside[labels] & (score.max(axis=1) >= -TOLERANCE * N_ROUNDS)
        labels, score, rivals = labels[open_], score[open_], rivals[open_]
    for label, start in zip(labels, rivals, strict=True):
        inside[label] = inside[label] or _has_witness(table, slack, label, np.unique(start))
    return inside


def _scaled(lead: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of largest size 1, which changes no sign and makes the tolerance mean the same."""
    size = np.abs(lead).max(axis=0)
    return lead / np.where(size > 0, size, 1.0)


def _has_witness(
    table: NDArray[np.float64],
    slack: NDArray[np.float64],
    label: np.intp,
    rivals: NDArray[np.intp],
) -> bool:
    """Whether no label has less risk than `label` under some probabilities."""
    while True:
        lead = _scaled(table[:, rivals] - table[:, [label]])
        margin, probabilities = _widest_margin(lead)
        if margin < -TOLERANCE:
            return False
        used = np.flatnonzero(probabilities)  # few: a vertex of the linear program
        risks = probabilities[used] @ table[used]
        ahead = risks < risks[label] - slack[label]
        ahead[rivals] = False  # by rounding: the program has taken them into account
        new = np.flatnonzero(ahead)
        if not new.size:
            return True
        rivals = np.append(rivals, new[np.argsort(risks[new], kind="stable")[:N_RIVALS]])


def _widest_margin(lead: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Probabilities P whose smallest P @ lead is the largest, and that."""
    n_seen, n_rivals = lead.shape
    solution = linprog(
        np.append(np.zeros(n_seen), -1.0),
        A_ub=np.column_stack([-lead.T, np.ones(n_rivals)]),
        b_ub=np.zeros(n_rivals),
        A_eq=np.append(np.ones(n_seen), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * n_seen + [(None, None)],
        method="highs",
        options=SOLVER,
    )
    if not solution.success:
        raise RuntimeError(f"the linear program of the locus failed: {solution.message}")
    return float(solution.x[-1]), np.maximum(solution.x[:-1], 0.0)
