"""Plane strain of elastic and plastic solids by finite elements."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skmanifold.datasets._mesh_elements import Elements, SymmetricSystem, summed
from skmanifold.datasets._sample import FloatArray

_N_INCREMENTS = 4  # of the load between the first yield and the end
_MAX_ITERATIONS = 30
_TOLERANCE = 1e-7  # of forces that are out of balance, relative to the load
# Columns of strains and stresses: 11, 22, 33, 12. Strains hold half the shear angle.
_UNIT = np.array([1.0, 1.0, 1.0, 0.0])
_TIMES = np.array([1.0, 1.0, 1.0, 2.0])  # how often a column stands in the full tensor
_DEVIATOR = np.eye(4) - np.outer(_UNIT, _UNIT) / 3
_IN_PLANE = [0, 1, 3]


@dataclass(frozen=True)
class Material:
    """An isotropic solid, whose yield stress rises linearly with the plastic strain.

    Stresses are in the unit of the moduli; an infinite yield stress makes it elastic.
    """

    young_modulus: float
    poisson_ratio: float
    yield_stress: float = np.inf
    hardening_modulus: float = 0.0

    @property
    def shear_modulus(self) -> float:
        return self.young_modulus / (2 * (1 + self.poisson_ratio))

    @property
    def bulk_modulus(self) -> float:
        return self.young_modulus / (3 * (1 - 2 * self.poisson_ratio))

    @property
    def stiffness(self) -> FloatArray:
        """Stresses of unit strains, (4, 4)."""
        return self.bulk_modulus * np.outer(_UNIT, _UNIT) + 2 * self.shear_modulus * _DEVIATOR


@dataclass(frozen=True, eq=False)
class SolidState:
    """A solid at rest under its load.

    `displacements` (n_nodes, 2); at the points of the cells `stresses` and `plastic_strains`
    (n_cells, n_points, 4), columns 11, 22, 33, 12, and `accumulated` (n_cells, n_points), the
    length of the path of the plastic strain.
    """

    displacements: FloatArray
    stresses: FloatArray
    plastic_strains: FloatArray
    accumulated: FloatArray


def von_mises(stresses: FloatArray) -> FloatArray:
    """Equivalent stresses (...) of stresses (..., 4)."""
    deviators = stresses @ _DEVIATOR
    return np.asarray(np.sqrt(1.5 * np.square(deviators) @ _TIMES))


def strains_of(elements: Elements, displacements: FloatArray) -> FloatArray:
    """Plane strains (n_cells, n_points, 4) of displacements (n_nodes, 2)."""
    slopes = elements.derivatives(displacements)
    strains = np.zeros((*slopes.shape[:2], 4))
    strains[..., 0], strains[..., 1] = slopes[..., 0, 0], slopes[..., 1, 1]
    strains[..., 3] = (slopes[..., 0, 1] + slopes[..., 1, 0]) / 2
    return strains


class Solid:
    """A solid in plane strain that is held at some nodes: the equations of its balance.

    Parameters
    ----------
    elements : Elements
    material : Material
    held : ndarray of shape (n_nodes, 2), dtype bool
        Displacements that are zero.
    """

    def __init__(self, elements: Elements, material: Material, held: NDArray[np.bool_]) -> None:
        self.elements, self.material, self.held = elements, material, held
        unknowns = np.arange(held.size).reshape(held.shape)
        self._unknowns = unknowns[elements.nodes].reshape(len(elements.nodes), -1)
        self._system = SymmetricSystem(self._unknowns, held.ravel())
        # Points without weight matter for the stresses only, not for the balance.
        self._used = elements.weights.any(axis=0)
        self._rates = _strain_rates(elements.gradients[:, self._used])
        self._weights = elements.weights[:, self._used]

    def rest(self) -> SolidState:
        """The state without load."""
        shape = self.elements.weights.shape
        zeros = np.zeros((*shape, 4))
        return SolidState(np.zeros((self.elements.n_nodes, 2)), zeros, zeros, np.zeros(shape))

    def loaded(self, forces: FloatArray) -> SolidState:
        """The state under forces (n_nodes, 2) that have grown in proportion from zero.

        Raises
        ------
        RuntimeError
            If Newton's method does not find the balance.
        """
        elastic = self._elastic(forces)
        # Up to here nothing yields at any point, and the answer is linear in the load.
        limit = self.material.yield_stress / von_mises(elastic.stresses).max()
        if limit >= 1:
            return elastic
        state = replace(
            self.rest(),
            displacements=limit * elastic.displacements,
            stresses=limit * elastic.stresses,
        )
        step = (1 - limit) / _N_INCREMENTS
        guess = step * elastic.displacements
        for share in limit + step * np.arange(1, _N_INCREMENTS + 1):
            before, state = state, self._balanced(state, guess, share * forces)
            guess = state.displacements - before.displacements
        return state

    def inner_forces(self, stresses: FloatArray) -> FloatArray:
        """Forces at the nodes, (n_nodes, 2), that hold the stresses in the cells."""
        weighed = stresses[:, self._used][..., _IN_PLANE] * self._weights[..., None]
        shares = np.einsum("cpil,cpi->cl", self._rates, weighed, optimize=True)
        return summed(self._unknowns, shares, self.held.size).reshape(-1, 2)

    def _elastic(self, forces: FloatArray) -> SolidState:
        stiffness = self.material.stiffness[np.ix_(_IN_PLANE, _IN_PLANE)] / [1, 1, 2]
        tangents = np.broadcast_to(stiffness, (*self._weights.shape, 3, 3))
        displacements = self._solved(tangents, forces)
        stresses = strains_of(self.elements, displacements) @ self.material.stiffness
        return replace(self.rest(), displacements=displacements, stresses=stresses)

    def _balanced(self, before: SolidState, guess: FloatArray, forces: FloatArray) -> SolidState:
        """The state after one increment of the load, by Newton's method."""
        displacements = before.displacements + guess
        for _ in range(_MAX_ITERATIONS):
            state, tangents = self._returned(before, displacements)
            missing = np.where(self.held, 0, forces - self.inner_forces(state.stresses))
            if np.abs(missing).max() <= _TOLERANCE * np.abs(forces).max():
                return state
            displacements = displacements + self._solved(tangents[:, self._used], missing)
        raise RuntimeError(f"No balance was found in {_MAX_ITERATIONS} steps of Newton's method.")

    def _solved(self, tangents: FloatArray, forces: FloatArray) -> FloatArray:
        """Displacements under forces, for tangent moduli (n_cells, n_points, 3, 3)."""
        moduli = tangents * self._weights[..., None, None]
        # Points and strains are one axis of the product, so that each cell is one multiplication.
        shape = len(moduli), -1, self._rates.shape[-1]
        scaled = (moduli @ self._rates).reshape(shape)
        blocks = self._rates.reshape(shape).transpose(0, 2, 1) @ scaled
        return self._system.solve(blocks, forces.ravel()).reshape(-1, 2)

    def _returned(
        self, before: SolidState, displacements: FloatArray
    ) -> tuple[SolidState, FloatArray]:
        """State after a step to `displacements`, and its tangent moduli.

        Radial return of J2 plasticity with the consistent tangent of Simo and Taylor: the elastic
        guess of the deviator is scaled back to the yield surface.
        """
        material = self.material
        shear, hardening = material.shear_modulus, material.hardening_modulus
        strains = strains_of(self.elements, displacements)
        trial = 2 * shear * (strains @ _DEVIATOR - before.plastic_strains)
        norm = np.sqrt(np.square(trial) @ _TIMES)
        limit = np.sqrt(2 / 3) * (material.yield_stress + hardening * before.accumulated)
        flow = np.maximum(norm - limit, 0) / (2 * shear + 2 / 3 * hardening)
        size = np.maximum(norm, np.finfo(float).tiny)
        normal = trial / size[..., None]
        pressure = material.bulk_modulus * strains @ _UNIT
        state = SolidState(
            displacements=displacements,
            stresses=pressure[..., None] * _UNIT + trial - 2 * shear * flow[..., None] * normal,
            plastic_strains=before.plastic_strains + flow[..., None] * normal,
            accumulated=before.accumulated + np.sqrt(2 / 3) * flow,
        )
        kept = 1 - 2 * shear * flow / size
        along = np.where(flow > 0, 1 / (1 + hardening / (3 * shear)) - (1 - kept), 0)
        return state, _tangents(material, kept, along, normal)


def _tangents(
    material: Material, kept: FloatArray, along: FloatArray, normal: FloatArray
) -> FloatArray:
    """Moduli (n_cells, n_points, 3, 3) between stresses and strains 11, 22 and the shear angle."""
    plane = np.ix_(_IN_PLANE, _IN_PLANE)
    halves = np.array([1, 1, 2])  # the shear angle is twice the strain
    volume = np.outer(_UNIT, _UNIT)[plane] * material.bulk_modulus
    deviator = 2 * material.shear_modulus * _DEVIATOR[plane] / halves
    n = normal[..., _IN_PLANE]
    radial = 2 * material.shear_modulus * along[..., None] * n
    return volume + kept[..., None, None] * deviator - radial[..., :, None] * n[..., None, :]


def _strain_rates(gradients: FloatArray) -> FloatArray:
    """Strains 11, 22 and shear angles (n_cells, n_points, 3, 2 * n_local) of unit displacements."""
    n_cells, n_points, n_local, _ = gradients.shape
    rates = np.zeros((n_cells, n_points, 3, n_local, 2))
    rates[:, :, 0, :, 0] = rates[:, :, 2, :, 1] = gradients[..., 0]
    rates[:, :, 1, :, 1] = rates[:, :, 2, :, 0] = gradients[..., 1]
    return rates.reshape(n_cells, n_points, 3, 2 * n_local)
