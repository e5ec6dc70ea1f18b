"""A backbone as a model: its card, its hash, its tables, and CAM on it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tolerances import assert_rounded_alike

from locpipe.stages.errors import ModelError
from locpipe.stages.heatmap import filter_weights, heatmap
from locpipe.stages.infer import infer
from locpipe.stages.models.card import Backbone
from locpipe.stages.models.loading import Model, find_model, load_model, read_card, verify_model
from locpipe.stages.nets.torchvision_shim import declare_operators
from locpipe.stages.paths import sha256_of

declare_operators()
from torchvision import models  # noqa: E402  after the operators


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    network = models.resnet18(num_classes=5)
    torch.nn.init.normal_(network.fc.weight)
    save_file(network.state_dict(), path)
    return Backbone(backbone="resnet18", weights=str(path))


@pytest.fixture(scope="module")
def model(resnet: Backbone) -> Model:
    return load_model(resnet)


@pytest.fixture(scope="module")
def lite0() -> Model:
    return load_model(Backbone(backbone="efficientnet_lite0"))


def test_a_backbone_is_found_already(resnet: Backbone) -> None:
    assert find_model(resnet) is resnet


def test_classes_without_names_are_numbered(resnet: Backbone) -> None:
    card = read_card(resnet)
    assert card.classes == tuple(f"class {number}" for number in range(5))
    assert card.ids == ()
    assert (card.input.width, card.input.mean) == (224, (0.485, 0.456, 0.406))


def test_classes_have_the_names_that_are_given(resnet: Backbone) -> None:
    names = ("horse", "zebra", "cow", "dog", "cat")
    assert read_card(resnet.model_copy(update={"classes": names})).classes == names
    with pytest.raises(ModelError, match=r"model.classes: 2 names .* has 5 classes"):
        read_card(resnet.model_copy(update={"classes": names[:2]}))


def test_a_thousand_classes_are_imagenets(lite0: Model) -> None:
    card = lite0.card
    assert len(set(card.classes)) == len(set(card.ids)) == 1000
    assert card.members("n02389026") == card.members("sorrel") == (339,)
    assert card.members("wallaby") == card.members("n01877812")
    with pytest.raises(ModelError, match="no label 'wallabi'; it knows: wallaby"):
        card.members("wallabi")


def test_the_hash_is_of_name_layer_and_weights(resnet: Backbone) -> None:
    other = resnet.model_copy(update={"layer": "layer3"})
    assert len({verify_model(resnet), verify_model(other), verify_model(resnet)}) == 2
    known = resnet.model_copy(update={"sha256": sha256_of(Path(resnet.weights))})
    assert verify_model(known) == verify_model(resnet)
    with pytest.raises(ModelError, match=r"sha256 is .*, the model was made with abc"):
        load_model(resnet.model_copy(update={"sha256": "abc"}))


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
@pytest.mark.parametrize("name", ["model", "lite0"])
def test_the_score_of_a_class_is_the_mean_of_its_cam_and_the_bias(
    name: str, padding: str, photo: NDArray[np.uint8], request: pytest.FixtureRequest
) -> None:
    model: Model = request.getfixturevalue(name)
    found = infer(model, photo, padding=padding)  # type: ignore[arg-type]  # one of the two
    assert found.probabilities is not None
    layers = model.network.classifier.modules()
    bias = [layer for layer in layers if isinstance(layer, torch.nn.Linear)][-1].bias.numpy()
    means = [
        float(np.tensordot(filter_weights(model, c, weights="linear")[0][1], found.maps, 1).mean())
        for c in model.card.classes[:20]
    ]
    with torch.inference_mode():
        scores = model.network.classifier(torch.from_numpy(found.maps)[None])[0]
    assert_rounded_alike(means + bias[:20], scores[:20])
    np.testing.assert_allclose(found.probabilities, scores.softmax(dim=0).numpy(), atol=1e-6)


def test_windows_of_gap_nets_are_the_softmax_in_every_cell(
    model: Model, photo: NDArray[np.uint8]
) -> None:
    windows = infer(model, photo, windows=True)
    cells = infer(model, photo)
    assert windows.grid == cells.grid
    with torch.inference_mode():
        rows = torch.from_numpy(cells.maps).flatten(1).T[..., None, None]
        expected = model.network.classifier(rows).softmax(dim=1).T.reshape(5, *cells.grid.shape)
    found = heatmap(model, [windows], labels=model.card.classes, weights="classifier")
    np.testing.assert_allclose(found.values, expected.numpy(), atol=1e-4)


def test_windows_of_the_papers_network_are_crops_of_its_features(
    digits: Model, photo: NDArray[np.uint8]
) -> None:
    found = infer(digits, photo, windows=True, padding="zeros")
    assert found.grid.stride == (4.0, 4.0)
    assert found.grid.offset == (14.0, 14.0)
    cells = infer(digits, photo, padding="zeros").maps
    with torch.inference_mode():
        part = torch.from_numpy(cells[:, 6:20, 10:24])[None]
        p = digits.network.classifier(part).softmax(dim=1)[0].numpy()
    np.testing.assert_allclose(found.maps[:, 3, 5], np.log(p) - np.log1p(-p), rtol=1e-3, atol=1e-3)


def test_dense_windows_of_the_papers_network_hold_the_sparse_ones(
    digits: Model, photo: NDArray[np.uint8]
) -> None:
    sparse = infer(digits, photo, windows=True)
    dense = infer(digits, photo, windows=True, resolution="atrous")
    first = round(sparse.grid.offset[0] - dense.grid.offset[0])
    assert first >= 0
    again = dense.maps[:, first::4, first::4]
    rows, columns = (min(a, b) for a, b in zip(again.shape[1:], sparse.maps.shape[1:], strict=True))
    assert rows > 10
    inner = (slice(None), slice(5, rows - 5), slice(5, columns - 5))
    np.testing.assert_allclose(again[inner], sparse.maps[inner], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (3, 40)])
def test_a_picture_smaller_than_a_window_has_one_too(digits: Model, size: tuple[int, int]) -> None:
    for padding in ("zeros", "replicate"):
        blank = np.zeros((*size, 3), np.uint8)
        found = infer(digits, blank, windows=True, padding=padding)
        assert found.maps.shape[0] == 10
        assert found.maps.size >= 10
        assert np.isfinite(found.maps).all()


def test_weights_that_were_not_measured_are_not_zero(lite0: Model) -> None:
    with pytest.raises(ModelError, match="weights `class` of label 'sorrel' were not measured"):
        filter_weights(lite0, "sorrel", weights="class")


def test_a_model_of_one_size_has_no_probabilities(digits: Model, photo: NDArray[np.uint8]) -> None:
    assert infer(digits, photo).probabilities is None


def test_the_class_list_is_the_one_of_the_sample() -> None:
    from locpipe.stages.models.backbone import CLASS_LIST

    lines = CLASS_LIST.read_text("utf-8").splitlines()
    assert lines[0] == "n01440764\ttench"
    assert lines == sorted(lines, key=lambda line: line.split("\t")[0])
