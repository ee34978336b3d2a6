"""Parallel transport between tangent spaces of neighbours, and what is built from it."""

import numpy as np
import torch
from scipy.sparse import bsr_array, coo_array, csr_array, diags_array, eye_array, sparray, spmatrix
from scipy.sparse import triu as upper_triangle
from sklearn.utils import check_array

from skmanifold.graph._pruning import edges
from skmanifold.linalg import nearest_orthogonal
from skmanifold.utils import resolve_device, row_chunks, to_numpy, to_tensor


def connection(
    frames: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Transport along edges: the orthogonal matrix nearest to ``T_i' T_j``.

    It takes coordinates in the frame of `columns` to those in the frame of `rows`. From the
    parallel transport of the manifold it differs by the third order of the edge's length.

    Parameters
    ----------
    frames : ndarray of shape (n_nodes, n_features, m)
        T, orthonormal.
    rows, columns : ndarray of shape (n_edges,)
        Nodes i and j of each edge.
    device : torch.device or str, default="cpu"

    Returns
    -------
    transports : ndarray of shape (n_edges, m, m)

    References
    ----------
    .. [1] A. Singer and H.-T. Wu, "Vector diffusion maps and the connection Laplacian",
       Communications on Pure and Applied Mathematics 65, 2012.
    """
    device = resolve_device(device)
    bases = to_tensor(frames, device=device)
    order = bases.shape[2]
    transports = np.empty((len(rows), order, order), dtype=frames.dtype)
    starts, ends = to_tensor(rows, device=device).long(), to_tensor(columns, device=device).long()
    for some in row_chunks(len(rows), 8 * 4 * order * (bases.shape[1] + order)):
        overlaps = bases[starts[some]].mT @ bases[ends[some]]
        transports[some] = to_numpy(nearest_orthogonal(overlaps))
    return transports


def connection_laplacian(affinity: spmatrix | sparray, frames: np.ndarray) -> csr_array:
    """The connection Laplacian of a weighted graph: how far a vector field is from parallel.

    Diagonal blocks are ``deg_i I``, the others ``-w_ij R_ij`` with the transport R of
    `connection`, so that ``v' L v = sum of w_ij |v_i - R_ij v_j|^2`` over the edges.

    Parameters
    ----------
    affinity : sparse array of shape (n_nodes, n_nodes)
        Symmetric weights of the edges, not negative. Those on the diagonal change nothing.
    frames : ndarray of shape (n_nodes, n_features, m)
        Orthonormal tangent frames, see `tangent_frames`.

    Returns
    -------
    laplacian : csr_array of shape (n_nodes * m, n_nodes * m)
        Symmetric and positive semi-definite; the m coordinates of a node are next to each other.

    Raises
    ------
    ValueError
        If there is not one frame for each node, or the weights are not symmetric, negative or not
        finite.

    References
    ----------
    .. [1] A. Singer and H.-T. Wu, "Vector diffusion maps and the connection Laplacian",
       Communications on Pure and Applied Mathematics 65, 2012.
    .. [2] R. Peach et al., "Implicit Gaussian process representation of vector fields over
       arbitrary latent manifolds", ICLR 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skmanifold.graph import connection_laplacian
    >>> path = csr_array([[0.0, 1.0], [1.0, 0.0]])
    >>> opposite = np.array([[[1.0]], [[-1.0]]])  # two frames of a line that point apart
    >>> connection_laplacian(path, opposite).toarray()
    array([[1., 1.],
           [1., 1.]])
    """
    affinity = csr_array(check_array(affinity, accept_sparse="csr", input_name="affinity"))
    kwargs = {"ensure_2d": False, "allow_nd": True, "ensure_min_samples": 0}
    frames = check_array(frames, dtype=[np.float64, np.float32], input_name="frames", **kwargs)
    if frames.ndim != 3 or affinity.shape != (len(frames), len(frames)):
        raise ValueError(
            f"frames must have shape (n_nodes, n_features, m) with one frame for each of the "
            f"{affinity.shape[0]} nodes of affinity, got {frames.shape}."
        )
    difference = abs(affinity - affinity.T)
    if difference.nnz and difference.max() > 1e-10 * abs(affinity).max():
        raise ValueError("affinity must be symmetric; pass (affinity + affinity.T) / 2.")
    if affinity.nnz and affinity.data.min() < 0:
        raise ValueError(
            f"affinity must not be negative, got {affinity.data.min():g}: with such weights the "
            "Laplacian is no sum of squares."
        )
    degree = np.repeat(np.asarray(affinity.sum(1)).ravel(), frames.shape[2])
    return csr_array(diags_array(degree) - transport_blocks(affinity, frames))


def transport_blocks(
    affinity: spmatrix | sparray, frames: np.ndarray, device: torch.device | str = "cpu"
) -> csr_array:
    """The block matrix with ``w_ij R_ij`` for every edge, exactly symmetric."""
    rows, columns, weights = edges(upper_triangle(affinity, k=1))
    blocks = weights[:, None, None] * connection(frames, rows, columns, device)
    half = _block_matrix(blocks, rows, columns, len(frames))
    own = np.repeat(affinity.diagonal(), frames.shape[2])
    return csr_array(half + half.T + diags_array(own))


def _block_matrix(
    blocks: np.ndarray, rows: np.ndarray, columns: np.ndarray, n_nodes: int
) -> csr_array:
    """A sparse matrix from its square blocks."""
    order = np.lexsort((columns, rows))
    starts = np.searchsorted(rows[order], np.arange(n_nodes + 1))
    size = n_nodes * blocks.shape[1]
    return csr_array(bsr_array((blocks[order], columns[order], starts), shape=(size, size)))


def density_free(affinity: spmatrix | sparray) -> csr_array:
    """Weights divided by the density at both ends, so that sampling leaves no trace (alpha = 1).

    References
    ----------
    .. [1] R. Coifman and S. Lafon, "Diffusion maps", Applied and Computational Harmonic Analysis
       21, 2006.
    """
    inverse = diags_array(1 / np.asarray(affinity.sum(1)).ravel())
    return csr_array(inverse @ affinity @ inverse)


def symmetric_walk(affinity: spmatrix | sparray) -> tuple[csr_array, np.ndarray]:
    """``D^(-1/2) W D^(-1/2)`` with the degrees D of the weights, and these degrees."""
    degree = np.asarray(affinity.sum(1)).ravel()
    root = diags_array(degree**-0.5)
    return csr_array(root @ affinity @ root), degree


def with_self_loops(affinity: spmatrix | sparray) -> csr_array:
    """Weight 1 from every node to itself: the Gaussian of distance nought."""
    return csr_array(coo_array(affinity) + eye_array(affinity.shape[0]))
