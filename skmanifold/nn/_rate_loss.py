"""What clustering by coding rates minimises, in its two stages."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import normalize

from skmanifold.linalg import symmetric_sinkhorn, temperature_of_perplexity
from skmanifold.nn._coding_rate import at_least_float32, coding_rate, membership_rate

N_SCALINGS = 10  # of a membership: 3 digits
# How much the mean |cosine| of two views counts beside the rate, in nats. Of 5, 20 and 50 the last
# was best, with 200 no worse (measured on seven data sets).
INVARIANCE = 50.0
SHARE_OF_CLUSTER = 0.5  # of the samples of a cluster that a row of the membership spreads over


class RateLoss(nn.Module):
    """Minus the rate reduction of a batch, or minus its rate and invariance in the warm-up.

    Parameters
    ----------
    n_views : int
        Views of each sample in a batch, one below the other.
    eps_sq : float
        Squared distortion of the rates.
    n_columns : int
        Columns of the membership that a step draws; all of them if there are no more.
    generator : torch.Generator
        Of the columns, on the CPU.

    Attributes
    ----------
    temperature : float or None
        Of the membership. None is the warm-up, which has no membership.

    References
    ----------
    .. [1] T. Ding, S. Tong, K. Chan, X. Dai, Y. Ma and B. Haeffele, "Unsupervised manifold
       linearizing and clustering", ICCV 2023, eqs. 5 and 8.
    """

    def __init__(
        self, *, n_views: int, eps_sq: float, n_columns: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.n_views, self.eps_sq, self.n_columns = n_views, eps_sq, n_columns
        self.temperature: float | None = None
        self._generator = generator

    def forward(self, heads: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Terms of the loss.

        Parameters
        ----------
        heads : pair of Tensor of shape (n_views * batch, n_components)
            Features and cluster features of unit norm.
        """
        features, clusters = (
            at_least_float32(head).unflatten(0, (self.n_views, -1)) for head in heads
        )
        mean = features.mean(0)
        rate = coding_rate(mean, self.eps_sq)
        if self.temperature is None:
            return {"loss": -rate - INVARIANCE * invariance(features), "rate": rate}
        membership = mean_membership(clusters, self.temperature)
        of_clusters = membership_rate(mean, self._drawn_columns(membership), self.eps_sq)
        return {"loss": of_clusters - rate, "rate": rate, "cluster_rate": of_clusters}

    def _drawn_columns(self, membership: torch.Tensor) -> torch.Tensor:
        n_columns = membership.shape[1]
        if self.n_columns >= n_columns:
            return membership
        drawn = torch.randperm(n_columns, generator=self._generator)[: self.n_columns]
        return membership.index_select(1, drawn.to(membership.device))


def similarity(clusters: torch.Tensor) -> torch.Tensor:
    """``|c_i . c_j|`` of unit vectors (..., n, d): a line and its opposite are one direction."""
    return (clusters @ clusters.mT).abs()


def invariance(features: torch.Tensor) -> torch.Tensor:
    """Mean |cosine| of all pairs of views (n_views, n, d) of a sample."""
    n_views = len(features)
    first, second = torch.triu_indices(n_views, n_views, offset=1, device=features.device)
    if not len(first):  # a single view agrees with itself
        return features.new_ones(())
    return (features[first] * features[second]).sum(-1).abs().mean()


def mean_membership(clusters: torch.Tensor, temperature: float) -> torch.Tensor:
    """Doubly stochastic membership (n, n) of a batch, the mean of those of its views.

    Parameters
    ----------
    clusters : Tensor of shape (n_views, n, d)
        Cluster features of unit norm.
    temperature : float
        In units of the cosine.
    """
    scores = similarity(clusters)
    return symmetric_sinkhorn(scores, temperature=temperature, max_iter=N_SCALINGS, tol=0).mean(0)


@torch.no_grad()
def batch_temperature(clusters: torch.Tensor, n_clusters: int) -> float:
    """Temperature at which rows of the membership of a batch (n, d) spread over half a cluster."""
    wanted = max(SHARE_OF_CLUSTER * len(clusters) / n_clusters, 1.0)
    scores = similarity(normalize(at_least_float32(clusters)))
    return temperature_of_perplexity(scores, wanted, max_iter=N_SCALINGS, tol=0.05)
