"""What a fit settles about predictions, apart from parameters that may change after it."""

import numpy as np


class FrechetRule:
    """The label of least expected distance**power, for classes at some nodes of a label space.

    Parameters
    ----------
    space : LabelSpace
    seen : ndarray of shape (n_seen,)
        Nodes of the classes that have probabilities.
    power : float
    method : str
        As of `LokiPredictor`.
    """

    def __init__(self, space, seen, *, power, method):
        self.space = space
        self.seen = seen
        self.power = float(power)
        self.method = method
        self._risks = {}

    def for_classes(self, classes):
        """The same rule for probabilities of other classes."""
        nodes = self.space.nodes_of(classes, "classes")
        return FrechetRule(self.space, nodes, power=self.power, method=self.method)

    def risk_on(self, device):
        """The risk as a function of the weights of the classes; made once for a device."""
        if device not in self._risks:
            risk = self.space.risk(self.seen, power=self.power, method=self.method, device=device)
            self._risks = {device: risk}
        return self._risks[device]

    def locus(self, device):
        """Positions of the labels that can be predicted at all."""
        return self.space.attainable(self.seen, self.risk_on(device), self.power)

    def radius(self, variance, errors, level):
        """Distances within which a share of the standardized errors of a calibration lies."""
        scores, weights, typical = errors
        at = np.searchsorted(weights.cumsum(), level)
        return scores[min(at, len(scores) - 1)] * (variance + typical) ** (1 / self.power)

    def __getstate__(self):
        # Risks are large, bound to a device, and made again when asked.
        return {**vars(self), "_risks": {}}
