"""Blood cells with labels, from the scanpy package."""

import numpy as np
from sklearn.utils import Bunch


def load_pbmc68k() -> Bunch:
    """Load 700 peripheral blood cells of ten types, the reduced PBMC 68k data of scanpy.

    The data ship inside scanpy: nothing is downloaded.

    Returns
    -------
    data : Bunch
        `X`, ndarray of shape (700, 50), float32: the first 50 principal components of the
        expression of 765 genes, as scanpy ships them. `labels`, ndarray of shape (700,): the cell
        type as an integer. `label_names`, ndarray of shape (10,): the name of each type.

    Raises
    ------
    ImportError
        If scanpy is not installed.

    References
    ----------
    .. [1] G. Zheng et al., "Massively parallel digital transcriptional profiling of single
       cells", Nature Communications 8, 2017.

    Examples
    --------
    >>> from skmanifold.datasets import load_pbmc68k
    >>> load_pbmc68k().X.shape  # doctest: +SKIP
    (700, 50)
    """
    try:
        from scanpy.datasets import pbmc68k_reduced
    except ImportError as error:
        raise ImportError(
            'load_pbmc68k reads the data from scanpy: pip install "skmanifold[bench]"'
        ) from error
    cells = pbmc68k_reduced()
    types = cells.obs["bulk_labels"].cat
    return Bunch(
        X=np.ascontiguousarray(cells.obsm["X_pca"]),
        labels=types.codes.to_numpy().astype(np.int64),
        label_names=types.categories.to_numpy(dtype=str),
    )
