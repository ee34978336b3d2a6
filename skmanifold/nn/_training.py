"""Training by skorch where the loss couples a whole batch: nets, batches and epochs."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from skorch import NeuralNet
from torch.utils.data import Dataset

MAX_RECOVERIES = 5  # 2^-5 of the rate: what fails there fails at any


class StoppedByCallback(Exception):
    """A callback of skorch ended the training: the way its EarlyStopping does."""


class Views(Dataset):
    """Samples in several random views, taken by many indices at once.

    Parameters
    ----------
    n_samples : int
    view : callable
        ``view(indices)`` gives one random view of these samples, of shape (n_indices, ...).
    n_views : int
        How many to draw of each sample.
    """

    def __init__(
        self, n_samples: int, view: Callable[[torch.Tensor], torch.Tensor], n_views: int
    ) -> None:
        self._n_samples, self._view, self.n_views = n_samples, view, n_views

    def __len__(self) -> int:
        return self._n_samples

    def __getitem__(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All views, one below the other, and the indices."""
        return torch.cat([self._view(indices) for _ in range(self.n_views)]), indices


class WholeBatches:
    """Shuffled batches of a data set that is indexed by tensors; skorch's ``iterator_train``.

    A `torch.utils.data.DataLoader` would take the samples one by one.

    Parameters
    ----------
    dataset : Dataset
        ``dataset[indices]`` is a batch.
    batch_size : int
        Largest number of samples in a batch. Batches of an epoch differ by one at most, since a
        small rest would be a loss of another kind.
    generator : torch.Generator
        Of the order.
    shard : tuple of (int, int), default=(0, 1)
        Which part of how many, of each batch: processes that train together, with generators in
        the same state, share out each batch.

    Raises
    ------
    ValueError
        If a batch has fewer samples than there are parts.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        generator: torch.Generator,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self._dataset, self._batch_size = dataset, batch_size
        self._generator, self._shard = generator, shard
        self._n_samples = len(dataset)  # type: ignore[arg-type]
        if self._smallest() < shard[1]:
            raise ValueError(
                f"Batches of {self._smallest()} samples cannot be shared out among {shard[1]} "
                "processes: raise batch_size or take fewer processes."
            )

    def __len__(self) -> int:
        return math.ceil(self._n_samples / self._batch_size)

    def __iter__(self) -> Iterator[Any]:
        order = torch.randperm(self._n_samples, generator=self._generator)
        part, n_parts = self._shard
        for indices in order.tensor_split(len(self)):
            yield self._dataset[indices[part::n_parts]]

    def _smallest(self) -> int:
        return self._n_samples // len(self)


class BatchNet(NeuralNet):
    """A skorch net whose loss is a function of all that the module makes of a batch.

    The criterion gives named terms, of which ``"loss"`` is what is minimised; the history keeps
    all of them for every batch and, as means, for every epoch. There is no validation split.

    Parameters
    ----------
    module, criterion, **kwargs
        As in `skorch.NeuralNet`; `criterion` is called with the module's output.
    """

    def __init__(self, module: Any, criterion: Any, **kwargs: Any) -> None:
        super().__init__(module, criterion, train_split=None, **kwargs)

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        return []  # no table printed, nothing scored: the owner of the net reports

    @property
    def n_processes(self) -> int:
        """How many train together, each on its part of every batch."""
        return 1

    def mean_of_processes(self, values: torch.Tensor) -> torch.Tensor:
        """Mean of what each of them has."""
        return values

    def report(self, text: str) -> None:
        """Print a line, once for all of them."""
        print(text)

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Tell the callbacks; a KeyboardInterrupt that one of them raises is told from a user's."""
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt as stop:
            raise StoppedByCallback from stop

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Any:
        """The loss, computed outside of mixed precision: log-determinants need the digits."""
        kind = X.device.type
        with torch.autocast(kind, enabled=False):
            terms = self.criterion_(y_pred)
        values = self.mean_of_processes(torch.stack(list(terms.values())).detach())
        means = dict(zip(terms, values.tolist(), strict=True))
        for name, mean in means.items():
            self.history.record_batch(name, mean)
        if not math.isfinite(means["loss"]):
            raise FloatingPointError("The loss is not finite.")
        return terms["loss"]

    def run_single_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As in skorch; of what each batch recorded, the epoch keeps the means."""
        super().run_single_epoch(*args, **kwargs)
        for name in list(self.history[-1]["batches"][-1]):
            self.history.record(name, self.epoch_mean(name))

    def epoch_mean(self, name: str) -> float:
        """Mean of a term over the batches of the last epoch."""
        values = [batch[name] for batch in self.history[-1]["batches"] if name in batch]
        return sum(values) / len(values)

    def scale_learning_rate(self, factor: float) -> None:
        """Multiply the rates of all parameter groups."""
        for group in self.optimizer_.param_groups:
            group["lr"] *= factor

    def _check_weights(self) -> None:
        """The last step of an epoch may spoil them: no loss is computed behind it."""
        if not all(bool(value.isfinite().all()) for value in self.module_.state_dict().values()):
            raise FloatingPointError("The weights are not finite.")

    def train_epoch(self, dataset: Dataset) -> int:
        """One epoch; where the loss is not finite, begin it again at half the learning rate.

        The weights are those of before then, and the optimizer forgets what it has seen.

        Returns
        -------
        n_halved : int
            How many times the rate was halved.

        Raises
        ------
        FloatingPointError
            If that does not help either. The net is as before.
        """
        weights = {name: value.clone() for name, value in self.module_.state_dict().items()}
        for n_halved in range(MAX_RECOVERIES + 1):
            try:
                self.fit_loop(dataset, epochs=1)
                self._check_weights()
                return n_halved
            except FloatingPointError:
                del self.history[-1:]
                self.module_.load_state_dict(weights)
                self.optimizer_.state.clear()  # its moments may be as bad as the loss
                self.scale_learning_rate(0.5)
        raise FloatingPointError(
            f"The loss is not finite, not even at {0.5**MAX_RECOVERIES:g} of the learning rate."
        )
