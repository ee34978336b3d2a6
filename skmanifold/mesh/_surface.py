"""Areas, cotangent weights and tangent planes of triangle meshes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from skmanifold.linalg import deterministic_signs
from skmanifold.mesh._faces import IntArray, fans, listed

FloatArray = NDArray[np.float64]

ROUNDINGS = 16  # a face whose height is within so many rounding errors of its vertices has none
FOLDED = 1e-9  # weight of the planes of single faces, seen only where the normals cancel


def face_areas(vertices: Any, faces: IntArray) -> FloatArray:
    """Areas of the triangles.

    Parameters
    ----------
    vertices : array-like of shape (n_vertices, 3)
    faces : ndarray of shape (n_faces, 3)
        As `check_faces` returns them.

    Returns
    -------
    areas : ndarray of shape (n_faces,)
        In squared units of `vertices`.

    Raises
    ------
    ValueError
        If `vertices` has another shape or is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.mesh import face_areas
    >>> face_areas([[0, 0, 0], [2, 0, 0], [0, 1, 0]], np.array([[0, 1, 2]]))
    array([1.])
    """
    return np.linalg.norm(_area_vectors(vertices, faces), axis=1)


def vertex_areas(vertices: Any, faces: IntArray) -> FloatArray:
    """A third of the area of the faces around each vertex; they sum to that of the surface.

    Parameters
    ----------
    vertices : array-like of shape (n_vertices, 3)
    faces : ndarray of shape (n_faces, 3)
        As `check_faces` returns them.

    Returns
    -------
    areas : ndarray of shape (n_vertices,)

    Raises
    ------
    ValueError
        If `vertices` has another shape or is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.mesh import vertex_areas
    >>> square = [[0, 0, 0], [3, 0, 0], [3, 1, 0], [0, 1, 0]]
    >>> vertex_areas(square, np.array([[0, 1, 2], [0, 2, 3]]))
    array([1. , 0.5, 1. , 0.5])
    """
    thirds = np.repeat(face_areas(vertices, faces) / 3, 3)
    return _sums(faces.ravel(), thirds, len(vertices))


def cotangent_weights(vertices: Any, faces: IntArray) -> csr_array:
    """Weights of the edges that make the graph Laplacian that of the surface.

    The weight of an edge is half the sum of the cotangents of the angles opposite to it, one at
    the boundary and two elsewhere. With them the sum of the weighted squared differences over the
    edges is the integral of the squared gradient of the function that is linear on each face
    [1]_ [2]_.

    Parameters
    ----------
    vertices : array-like of shape (n_vertices, 3)
    faces : ndarray of shape (n_faces, 3)
        As `check_faces` returns them. They need not run around in one sense.

    Returns
    -------
    weights : csr_array of shape (n_vertices, n_vertices)
        Symmetric, without units, and positive where it is stored; nothing on the diagonal.

    Raises
    ------
    ValueError
        If `vertices` has another shape or is not finite, or a face has no area.

    Notes
    -----
    Where two angles opposite to an edge exceed 180 degrees together, or that at a boundary edge 90,
    the weight is negative. It is left out then: a connection Laplacian, in which vectors at the
    ends are compared after a rotation, is sure to have no negative eigenvalue only where no weight
    is negative. This never cuts a connected mesh: the energy of a function that is 1 on some of the
    vertices and 0 on the others is the sum of the weights between them, and it is positive, so one
    of these weights is. A Delaunay triangulation of the plane has negative ones at its rim alone.

    References
    ----------
    .. [1] R. J. Duffin, "Distributed and lumped networks", Journal of Mathematics and Mechanics 8,
       1959.
    .. [2] U. Pinkall and K. Polthier, "Computing discrete minimal surfaces and their conjugates",
       Experimental Mathematics 2, 1993.

    Examples
    --------
    In a square the diagonal is opposite to right angles, and the sides to half of those:

    >>> import numpy as np
    >>> from skmanifold.mesh import cotangent_weights
    >>> square = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    >>> cotangent_weights(square, np.array([[0, 1, 2], [0, 2, 3]])).toarray()
    array([[0. , 0.5, 0. , 0.5],
           [0.5, 0. , 0.5, 0. ],
           [0. , 0.5, 0. , 0.5],
           [0.5, 0. , 0.5, 0. ]])
    """
    points = _as_points(vertices)
    areas = _positive_areas(points, faces)
    left, right = np.roll(faces, -1, axis=1), np.roll(faces, -2, axis=1)
    products = ((points[left] - points[faces]) * (points[right] - points[faces])).sum(axis=2)
    halves = products / (4 * areas[:, None])
    one_way = coo_array((halves.ravel(), (left.ravel(), right.ravel())), shape=2 * (len(points),))
    weights = csr_array(one_way + one_way.T)
    weights.data = np.maximum(weights.data, 0.0)
    weights.eliminate_zeros()
    return weights


def vertex_frames(vertices: Any, faces: IntArray) -> FloatArray:
    """Orthonormal tangent frames at the vertices, from the planes of the faces around them.

    The normal of a vertex is the mean of those of the faces around it, weighted by their areas:
    small faces, whose planes errors of the vertices turn the most, count the least.

    Parameters
    ----------
    vertices : array-like of shape (n_vertices, 3)
    faces : ndarray of shape (n_faces, 3)
        As `check_faces` returns them. They need not run around in one sense, nor need the surface
        have two sides: normals are compared around one vertex alone.

    Returns
    -------
    frames : ndarray of shape (n_vertices, 3, 2)
        Their columns are orthonormal. Which of the frames of its plane a vertex gets depends on
        the plane alone.

    Raises
    ------
    ValueError
        If `vertices` has another shape or is not finite, or a face has no area.

    Notes
    -----
    On a smooth surface the planes are off by an angle that falls with the size of the faces. Where
    parts of a surface touch in one vertex, its plane lies between theirs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.mesh import vertex_frames
    >>> square = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    >>> frames = vertex_frames(square, np.array([[0, 1, 2], [0, 2, 3]]))
    >>> frames.shape, np.allclose(frames @ frames.transpose(0, 2, 1), np.diag([1, 1, 0]))
    ((4, 3, 2), True)
    """
    points = _as_points(vertices)
    _positive_areas(points, faces)
    return _frames_across(_vertex_normals(_area_vectors(points, faces), faces, len(points)))


def _as_points(vertices: Any) -> FloatArray:
    """Vertices as an array of finite numbers."""
    points = np.asarray(vertices, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(
            f"vertices must be of shape (n_vertices, 3), got {points.shape}. Give vertices in the "
            "plane a third column of zeros."
        )
    wrong = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(wrong):
        raise ValueError(f"vertices must be finite, got NaN or infinity in rows {listed(wrong)}.")
    return points


def _area_vectors(vertices: Any, faces: IntArray) -> FloatArray:
    """Normals of the faces, as long as the area."""
    first, second, third = np.moveaxis(_as_points(vertices)[faces], 1, 0)
    return np.cross(second - first, third - first) / 2


def _positive_areas(points: FloatArray, faces: IntArray) -> FloatArray:
    """Areas of the faces, if they are more than rounding errors of the coordinates."""
    areas = face_areas(points, faces)
    corners = points[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    error = ROUNDINGS * np.finfo(np.float64).eps * np.abs(corners).max(axis=(1, 2))
    flat = np.flatnonzero(2 * areas <= error * longest)
    if len(flat):
        raise ValueError(
            f"faces must have an area, but the vertices {faces[flat[0]].tolist()} of row {flat[0]} "
            f"lie on a line or in one place. Rows without area: {listed(flat)}. Merge vertices "
            "that lie in one place, and drop these faces."
        )
    return areas


def _vertex_normals(area_vectors: FloatArray, faces: IntArray, n_vertices: int) -> FloatArray:
    """Unit normals of the vertices; their signs mean nothing."""
    fan, sign = fans(faces)
    signed = sign[..., None] * area_vectors[:, None]
    n_fans = fan.max() + 1
    totals = _sums(fan.ravel(), signed.reshape(-1, 3), n_fans)
    owner = np.zeros(n_fans, dtype=np.intp)
    owner[fan] = faces
    # Squares have no sign, so fans that touch in a vertex alone need not agree on one. Single faces
    # hardly count, but at the rim of a sheet folded flat upon itself the totals vanish.
    moments = _sums(owner, _squares(totals), n_vertices)
    single = _sums(faces.ravel(), np.repeat(_squares(area_vectors), 3, axis=0), n_vertices)
    return np.linalg.eigh((moments + FOLDED * single).reshape(-1, 3, 3))[1][:, :, -1]


def _sums(groups: IntArray, values: FloatArray, n_groups: int) -> FloatArray:
    """Sums of the values, or of their rows, of each group."""
    entries = np.ones(len(groups)), (groups, np.arange(len(groups)))
    return coo_array(entries, shape=(n_groups, len(groups))).tocsr() @ values


def _squares(vectors: FloatArray) -> FloatArray:
    """Products of the coordinates of each vector with one another, in 9 columns."""
    return (vectors[:, :, None] * vectors[:, None]).reshape(-1, 9)


def _frames_across(normals: FloatArray) -> FloatArray:
    """For each unit normal the same frame as for its opposite.

    The axis that is farthest from the normal, cast on the plane, and what is at right angles to it.
    """
    normals = deterministic_signs(normals.T).T
    rows, axes = np.arange(len(normals)), np.argmin(np.abs(normals), axis=1)
    first = -normals * normals[rows, axes][:, None]
    first[rows, axes] += 1.0
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(normals, first)], axis=2)
