"""Positions of EEG electrodes, from the mne package."""

import numpy as np
from sklearn.utils import Bunch


def load_eeg_layout(name: str = "colin27_1005") -> Bunch:
    """Load the positions of the electrodes of a standard EEG layout on the head.

    The layouts ship inside mne [1]_: nothing is downloaded. Electrodes with two names, such as T3
    and T7, appear once, under the name that comes first.

    Parameters
    ----------
    name : str, default="colin27_1005"
        One of :func:`mne.channels.get_builtin_montages`. The default has a position every 5% of the
        way across a head that was measured; layouts of real caps, such as "biosemi64", have fewer,
        many of them on a sphere.

    Returns
    -------
    layout : Bunch
        `X`, ndarray of shape (n_electrodes, 3): positions in metres, the axes to the right, to the
        front and up. `names`, ndarray of shape (n_electrodes,): the name of each electrode.

    Raises
    ------
    ImportError
        If mne is not installed.
    ValueError
        If mne has no layout of that name.

    References
    ----------
    .. [1] A. Gramfort et al., "MEG and EEG data analysis with MNE-Python", Frontiers in
       Neuroscience 7, 2013.

    Examples
    --------
    >>> from skmanifold.datasets import load_eeg_layout
    >>> load_eeg_layout("biosemi64").X.shape  # doctest: +SKIP
    (64, 3)
    """
    try:
        from mne.channels import get_builtin_montages, make_standard_montage
    except ImportError as error:
        raise ImportError(
            'load_eeg_layout reads the layouts from mne: pip install "skmanifold[bench]"'
        ) from error
    if name not in get_builtin_montages():
        raise ValueError(f"name must be one of {sorted(get_builtin_montages())}, got {name!r}.")
    positions = make_standard_montage(name).get_positions()["ch_pos"]
    X = np.array(list(positions.values()))
    _, first = np.unique(X, axis=0, return_index=True)
    kept = np.sort(first)
    return Bunch(X=X[kept], names=np.array(list(positions), dtype=str)[kept])
