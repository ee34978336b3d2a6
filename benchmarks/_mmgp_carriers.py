"""Common supports: the published morph by Muscat, and harmonic maps for the other baselines."""

import importlib

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from benchmarks import _mmgp_ours


def triangles_of(cells):
    """Triangles (m, 3), quads being halved."""
    if cells.shape[1] == 3:
        return cells
    return np.concatenate([cells[:, [0, 1, 2]], cells[:, [0, 2, 3]]])


def _muscat(module, *names):
    """Names of one of Muscat's modules."""
    found = importlib.import_module(f"Muscat.{module}")
    return [getattr(found, name) for name in names]


def coordinates(X, operators):
    """Coordinates of samples on the support (n, n_support_nodes * d)."""
    pairs = zip(X, operators, strict=True)
    return np.stack([(there @ each.points).ravel() for each, (there, _) in pairs])


def muscat_disk(sample):
    """Muscat's mesh of a sample on the unit disk, and which node of the sample each of its is.

    The outline goes on the circle by arc length from the leftmost node on, and each inner node to
    the mean of its neighbours.
    """
    (create,) = _muscat("MeshTools.MeshCreationTools", "CreateMeshOfTriangles")
    renumber, flatten = _muscat(
        "MeshContainers.MeshGraphTools",
        "RenumberMeshForParametrization",
        "FloaterMeshParametrization",
    )
    triangles = np.ascontiguousarray(triangles_of(sample.cells))
    mesh = create(np.array(sample.points), triangles.astype(np.int64))
    ordered, order, n_outline = renumber(mesh, inPlace=False)
    return flatten(ordered, n_outline)[0], order


class MuscatCarrier(TransformerMixin, BaseEstimator):
    """The published morph: the meshes of `muscat_disk`, and Muscat's transfer between them.

    Values are interpolated on triangles; a point outside takes that of the nearest point inside.
    The first sample is the support; `transform` gives coordinates there, (n, n_support_nodes * 2).
    """

    def fit(self, X, y=None):
        self.support_ = muscat_disk(X[0])
        return self

    def transform(self, X):
        return coordinates(X, self.operators(X))

    def operators(self, X):
        """For each sample sparse matrices that carry values to the support, and back."""
        return [self._both_ways(muscat_disk(each)) for each in X]

    def _both_ways(self, laid):
        (disk, order), (support, support_order) = laid, self.support_
        there = self._transfer(disk, support.nodes).tocsc()[:, np.argsort(order)]
        back = self._transfer(support, disk.nodes).tocsc()[:, np.argsort(support_order)]
        return there.tocsr()[np.argsort(support_order)], back.tocsr()[np.argsort(order)]

    def _transfer(self, source, points):
        """Matrix (n_points, n_source_nodes)."""
        (transfer,) = _muscat("MeshTools.MeshFieldOperations", "GetFieldTransferOp")
        (prepare,) = _muscat("FE.FETools", "PrepareFEComputation")
        (finite_elements,) = _muscat("FE.Fields.FEField", "FEField")
        (select,) = _muscat("MeshContainers.Filters.FilterObjects", "ElementFilter")
        space, numbering, _, _ = prepare(source, numberOfComponents=1)
        known = finite_elements("", mesh=source, space=space, numbering=numbering[0])
        plane = select(dimensionality=2)
        return transfer(known, points, method="Interp/Clamp", elementFilter=plane)[0]

    def mass(self):
        """Products of the support's hat functions, integrated over the disk."""
        (products,) = _muscat("FE.FETools", "ComputeL2ScalarProductMatrix")
        disk, order = self.support_
        back = np.argsort(order)
        return products(disk, 1).tocsr()[back][:, back]


class HarmonicCarrier(BaseEstimator):
    """Our own morph, for baselines that differ from us in what comes after."""

    def fit(self, X, y=None):
        self.morpher_ = _mmgp_ours.morpher().fit(X)
        return self

    def operators(self, X):
        """For each sample sparse matrices that carry values to the support, and back."""
        return [(each.to_support, each.from_support) for each in self.morpher_.morph(X)]

    def mass(self):
        """Nothing: these baselines take all nodes alike."""
