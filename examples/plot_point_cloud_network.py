"""
===========================================
A network that is blind to turns
===========================================

Networks on point clouds usually learn that a turned chair is a chair from many turned chairs. The
function :func:`~skmanifold.embedding.tinv_mds` in front of a network makes that unnecessary: every
turned, mirrored, shifted or scaled copy of a cloud has the same coordinates. It is made of torch
operations, works on whole batches and passes gradients on.
"""

# %%
# The clouds
# ==========
#
# Thirteen classes of shapes. In the training set, all shapes of a class stand in the same pose.
# Each cloud of the test set is turned, shifted by about its own size, and scaled by up to ten.

import numpy as np

from skmanifold.datasets import make_shapes, moved_clouds

train = make_shapes(390, n_points=128, random_state=0)
test = make_shapes(195, n_points=128, random_state=1)
X_train, X_test = train.X.astype(np.float32), test.X.astype(np.float32)
X_moved = moved_clouds(X_test, random_state=0)
print(f"{len(train.names)} classes, {X_train.shape} to train on")

# %%
# The network
# ===========
#
# Each point goes through the same layers. Means and maxima over the points, which no order of them
# changes, go through two more. What comes in front is the question:
#
# - nothing: points as they are;
# - ``standardized``: the mean is subtracted and the size divided out, and during training each
#   cloud is turned at random, which is the usual way;
# - ``canonical``: :func:`~skmanifold.embedding.tinv_mds`. With ``scale="trace"``, all clouds have
#   the same root mean square radius.

import torch
from torch import nn

from skmanifold import tinv_mds


class ShapeNetwork(nn.Module):
    """Layers for each point, then layers for the cloud."""

    def __init__(self, front):
        super().__init__()
        self.front = front
        self.of_points = nn.Sequential(
            nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128)
        )
        self.of_clouds = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 13))

    def forward(self, x):
        hidden = self.of_points(self.front(x, self.training))
        return self.of_clouds(torch.cat([hidden.mean(dim=1), hidden.amax(dim=1)], dim=1))


def nothing(x, training):
    return x


def standardized(x, training):
    x = x - x.mean(dim=1, keepdim=True)
    x = x / x.square().sum(dim=2).mean(dim=1)[:, None, None].sqrt()
    return x @ torch.linalg.qr(torch.randn(len(x), 3, 3)).Q if training else x


def canonical(x, training):
    return tinv_mds(x, scale="trace")


# %%
# Training
# ========
#
# skorch makes an estimator of the network, with ``fit``, ``predict`` and ``score``. Everything but
# the front is the same: layers, rate, rounds and seed. After each round, all moved clouds are
# classified.

from skorch import NeuralNetClassifier

networks, curves = {}, {}
for front in (nothing, standardized, canonical):
    torch.manual_seed(0)
    network = NeuralNetClassifier(
        ShapeNetwork,
        module__front=front,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.003,
        max_epochs=1,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    curves[front.__name__] = [
        network.partial_fit(X_train, train.labels).score(X_moved, test.labels) for _ in range(40)
    ]
    networks[front.__name__] = network

# %%
# Accuracy on test clouds in the pose of the training set, on moved ones, and how often the answer
# is the same for both:

print(f"{'front':<14}{'as they are':>12}{'moved':>8}{'same answer':>13}")
for name, network in networks.items():
    scores = [network.score(X, test.labels) for X in (X_test, X_moved)]
    same = np.mean(network.predict(X_test) == network.predict(X_moved))
    print(f"{name:<14}{scores[0]:>12.3f}{scores[1]:>8.3f}{same:>13.3f}")

# %%
# Without anything in front, the network knows the poses of the training set and is lost on all
# others: one of thirteen would be right by chance. Turns at random help, but the answer still
# depends on the pose. With canonical coordinates it does not, and nothing has to be learned for
# that.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, curve in curves.items():
    ax.plot(range(1, 41), curve, label=name)
ax.set(xlabel="round", ylabel="accuracy on moved clouds", ylim=(0, 1.02))
ax.legend(loc=(0.75, 0.15))

# %%
# Gradients
# =========
#
# ``tinv_mds`` may have trained layers before it as well. Gradients flow through the mean, the axes
# and the scale, and they turn with the cloud: here those of the score of the right class, for a
# cloud and for the same cloud after a rotation.

x = torch.from_numpy(X_test[:1])
rotation = torch.linalg.qr(torch.randn(3, 3)).Q
network = networks["canonical"].module_.eval()


def gradient(x):
    """How the score of the right class changes with each point."""
    x = x.requires_grad_()
    return torch.autograd.grad(network(x)[0, test.labels[0]], x)[0]


difference = gradient(x @ rotation) - gradient(x.clone()) @ rotation
print(f"relative difference: {float(difference.norm() / gradient(x).norm()):.0e}")

plt.show()
