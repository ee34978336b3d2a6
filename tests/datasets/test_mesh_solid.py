import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmanifold.datasets import _mesh_solid
from skmanifold.datasets._mesh_elements import linear_elements, quadratic_elements
from skmanifold.datasets._mesh_solid import Material, Solid, strains_of, von_mises
from skmanifold.datasets._mesher import mesh_region

LENGTH = 2.0
SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, LENGTH], [0.0, LENGTH]])
STEEL = Material(2e5, 0.3)
PLASTIC = Material(2e5, 0.3, 250.0, 5e3)


def mesh(size=0.15, seed=0):
    sides = zip(SQUARE, np.roll(SQUARE, -1, axis=0), strict=True)
    loop = [np.linspace(start, end, 101) for start, end in sides]
    points, cells, _ = mesh_region(
        [loop], lambda points: np.full(len(points), size), np.random.default_rng(seed)
    )
    return points, cells


def quadratic(points, cells):
    pytest.importorskip("skfem")
    return quadratic_elements(points, cells)


orders = pytest.mark.parametrize("make", [linear_elements, quadratic])


def pull(elements, traction):
    forces = np.zeros((elements.n_nodes, 2))
    top = elements.locations[:, 1] == LENGTH
    forces[top, 1] = traction * elements.boundary_loads(1)[top]
    return forces


def on_rollers(elements, material):
    """Free to shrink sideways: the stress is the same everywhere."""
    low = elements.locations == 0
    held = np.column_stack([low[:, 0], low[:, 1]])
    return Solid(elements, material, held)


def clamped(elements, material):
    return Solid(elements, material, np.repeat(elements.locations[:, 1:] == 0, 2, axis=1))


def uniaxial(material, stress):
    """Strains 11 and 22 in plane strain under a stress 22."""
    young, poisson = material.young_modulus, material.poisson_ratio
    return np.array([-poisson * (1 + poisson), 1 - poisson**2]) * stress / young


@orders
@pytest.mark.parametrize("seed", range(2))
def test_patch(make, seed):
    elements = make(*mesh(seed=seed))
    state = on_rollers(elements, STEEL).loaded(pull(elements, 100.0))
    assert_allclose(state.displacements, elements.locations * uniaxial(STEEL, 100.0), atol=1e-14)
    stresses = [0, 100, 0.3 * 100, 0]
    assert_allclose(state.stresses, np.broadcast_to(stresses, state.stresses.shape), atol=1e-9)


@orders
def test_rigid_motions_cause_no_strain(make):
    elements = make(*mesh())
    turned = elements.locations @ [[0, 1], [-1, 0]] + [3, 4]
    assert_allclose(strains_of(elements, turned), 0, atol=1e-12)


@orders
@pytest.mark.parametrize("material", [STEEL, PLASTIC])
def test_inner_forces_balance_the_load_and_the_supports(make, material):
    elements = make(*mesh())
    solid, forces = clamped(elements, material), pull(elements, 300.0)
    inner = solid.inner_forces(solid.loaded(forces).stresses)
    assert_allclose(np.where(solid.held, 0, inner - forces), 0, atol=1e-6 * forces.max())
    assert_allclose(inner[solid.held].sum(), -forces.sum(), rtol=1e-6)


@orders
def test_work_is_twice_the_strain_energy(make):
    elements = make(*mesh())
    forces = pull(elements, 100.0)
    state = clamped(elements, STEEL).loaded(forces)
    strains = strains_of(elements, state.displacements)
    density = (state.stresses * strains) @ [1, 1, 1, 2]
    assert_allclose((forces * state.displacements).sum(), (elements.weights * density).sum())


def test_von_mises_of_known_stresses():
    assert_allclose(von_mises(np.array([0.0, 7.0, 0.0, 0.0])), 7)
    assert_allclose(von_mises(np.array([4.0, 4.0, 4.0, 0.0])), 0, atol=1e-12)
    assert_allclose(von_mises(np.array([0.0, 0.0, 0.0, 2.0])), 2 * np.sqrt(3))


@orders
def test_below_the_yield_stress_plastic_is_elastic(make):
    elements = make(*mesh())
    forces = pull(elements, 100.0)
    elastic = clamped(elements, STEEL).loaded(forces)
    top = von_mises(elastic.stresses).max()
    plastic = clamped(elements, Material(2e5, 0.3, 1.01 * top, 1e3)).loaded(forces)
    assert_allclose(plastic.displacements, elastic.displacements, rtol=1e-12)
    assert not plastic.accumulated.any()


@orders
def test_plastic_stresses_are_on_or_within_the_yield_surface(make):
    elements = make(*mesh())
    state = clamped(elements, PLASTIC).loaded(pull(elements, 285.0))
    surface = PLASTIC.yield_stress + PLASTIC.hardening_modulus * state.accumulated
    stresses = von_mises(state.stresses)
    assert (stresses <= surface * (1 + 1e-9)).all()
    flowing = state.accumulated > 0
    assert flowing.any()
    assert not flowing.all()
    assert_allclose(stresses[flowing], surface[flowing], rtol=1e-6)


@orders
def test_plastic_strain_keeps_the_volume(make):
    elements = make(*mesh())
    state = clamped(elements, PLASTIC).loaded(pull(elements, 300.0))
    assert_allclose(state.plastic_strains[..., :3].sum(axis=2), 0, atol=1e-15)


@orders
def test_even_plastic_flow_follows_the_hardening_curve(make):
    """Incompressible plane strain: the stress is 2 / sqrt(3) of the uniaxial curve."""
    material = Material(2e5, 0.49999, 250.0, 5e3)
    elements = make(*mesh())
    state = on_rollers(elements, material).loaded(pull(elements, 400.0))
    equivalent = 400 * np.sqrt(3) / 2
    assert_allclose(von_mises(state.stresses), equivalent, rtol=1e-3)
    assert_allclose(state.accumulated, (equivalent - 250) / 5e3, rtol=1e-3)
    total = (equivalent / 2e5 + (equivalent - 250) / 5e3) * np.sqrt(3) / 2
    at_top = state.displacements[elements.locations[:, 1] == LENGTH, 1]
    assert_allclose(at_top, LENGTH * total, rtol=1e-3)


def test_tangent_is_the_derivative_of_the_stress():
    elements = linear_elements(*mesh(0.4))
    solid = clamped(elements, PLASTIC)
    rng = np.random.default_rng(0)
    at, way = rng.normal(scale=3e-3, size=(2, elements.n_nodes, 2))
    before, _ = solid._returned(solid.rest(), 0.5 * at)
    assert before.accumulated.any()

    def stresses(step):
        return solid._returned(before, at + step * way)[0].stresses[..., [0, 1, 3]]

    tangents = solid._returned(before, at)[1]
    rates = strains_of(elements, way)[..., [0, 1, 3]] * [1, 1, 2]
    step = 1e-6
    measured = (stresses(step) - stresses(-step)) / (2 * step)
    assert_allclose(np.einsum("cpij,cpj->cpi", tangents, rates), measured, rtol=1e-4, atol=0.1)


def test_more_increments_change_little(monkeypatch):
    elements = linear_elements(*mesh())
    solid, forces = clamped(elements, PLASTIC), pull(elements, 285.0)
    few = solid.loaded(forces)
    monkeypatch.setattr(_mesh_solid, "_N_INCREMENTS", 40)
    many = solid.loaded(forces)
    error = np.linalg.norm(few.displacements - many.displacements)
    assert 0 < error < 5e-3 * np.linalg.norm(many.displacements)


def test_failure_of_newton_is_told(monkeypatch):
    elements = linear_elements(*mesh(0.4))
    monkeypatch.setattr(_mesh_solid, "_MAX_ITERATIONS", 1)
    with pytest.raises(RuntimeError, match="Newton"):
        clamped(elements, PLASTIC).loaded(pull(elements, 300.0))
