import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from torch import nn

from locpipe.stages.errors import ModelError
from locpipe.stages.nets import Network, build
from locpipe.stages.nets.pooling import (
    POOLINGS,
    LogSumExp,
    Max,
    Mean,
    PooledClassifier,
    Pooling,
    Weldon,
    Wildcat,
    parse_pooling,
    with_head,
)

Maps = NDArray[np.float32]
heights = st.floats(-20, 20, width=32)
class_maps = arrays(np.float32, st.tuples(*(st.integers(1, n) for n in (2, 3, 5, 4))), elements=heights)  # fmt: skip


def scores(pooling: Pooling, z: Maps) -> NDArray[np.float32]:
    with torch.inference_mode():
        pooled: NDArray[np.float32] = pooling(torch.from_numpy(z)).numpy()
    return pooled


def by_hand(name: str, z: Maps, **options: float) -> NDArray[np.float64]:
    """The equations of the papers, picture by picture and class by class, in float64."""
    maps = int(options.get("maps", 1))
    result = np.zeros((len(z), z.shape[1] // maps))
    for picture in range(len(z)):
        for label in range(result.shape[1]):
            own = z[picture, label * maps : (label + 1) * maps].astype(np.float64)
            result[picture, label] = score_by_hand(name, np.sort(own.mean(axis=0).ravel()), options)
    return result


def score_by_hand(name: str, values: NDArray[np.float64], options: dict[str, float]) -> float:
    """Of the values of a map from the least to the greatest."""
    if name == "max":
        return float(values[-1])
    if name == "gap":
        return float(values.mean())
    if name == "lse":
        return float(np.log(np.mean(np.exp(options["beta"] * values))) / options["beta"])
    if name == "weldon":
        lowest = values[: int(options["k_min"])]
        return float(
            values[-int(options["k_max"]) :].mean() + (lowest.mean() if len(lowest) else 0)
        )
    k = options["k"]
    count = max(1, round(k * len(values))) if k < 1 else min(int(k), len(values))
    return float(values[-count:].mean() + options["alpha"] * values[:count].mean())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("max", {}),
        ("gap", {}),
        ("lse", {"beta": 0.5}),
        ("lse", {"beta": 5.0}),
        ("weldon", {"k_max": 1, "k_min": 1}),
        ("weldon", {"k_max": 4, "k_min": 2}),
        ("weldon", {"k_max": 3, "k_min": 0}),
        ("wildcat", {"maps": 1, "alpha": 1.0, "k": 2}),
        ("wildcat", {"maps": 4, "alpha": 0.7, "k": 0.2}),
        ("wildcat", {"maps": 2, "alpha": 0.0, "k": 999}),
    ],
)
def test_a_pooling_is_its_equation(name: str, options: dict[str, float]) -> None:
    z = np.random.default_rng(0).normal(0, 2, (3, 8, 4, 5)).astype(np.float32)
    found = scores(POOLINGS[name](**options), z)
    np.testing.assert_allclose(found, by_hand(name, z, **options), rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(class_maps, st.floats(0.01, 50))
def test_log_sum_exp_lies_between_mean_and_maximum(z: Maps, beta: float) -> None:
    low, found, high = (scores(one, z) for one in (Mean(), LogSumExp(beta), Max()))
    tolerance = 1e-3 + 1e-4 / beta
    assert (low - tolerance <= found).all()
    assert (found <= high + tolerance).all()


@settings(deadline=None, max_examples=50)
@given(class_maps)
def test_log_sum_exp_grows_with_beta(z: Maps) -> None:
    smaller, greater = (scores(LogSumExp(beta), z) for beta in (0.5, 5.0))
    assert (smaller <= greater + 1e-3).all()


@settings(deadline=None, max_examples=50)
@given(class_maps)
def test_wildcat_of_all_positions_without_the_lowest_is_gap(z: Maps) -> None:
    everything = z.shape[2] * z.shape[3]
    found = scores(Wildcat(maps=1, alpha=0, k=everything), z)
    np.testing.assert_allclose(found, scores(Mean(), z), rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=50)
@given(class_maps)
def test_weldon_of_the_highest_alone_is_max(z: Maps) -> None:
    np.testing.assert_array_equal(scores(Weldon(1, 0), z), scores(Max(), z))


@settings(deadline=None, max_examples=50)
@given(class_maps, st.integers(1, 30))
def test_weldon_is_wildcat_with_one_map_and_alpha_one(z: Maps, k: int) -> None:
    found = scores(Weldon(k, k), z)
    np.testing.assert_allclose(found, scores(Wildcat(1, 1, k), z), rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(class_maps, st.integers(1, 30))
def test_more_positions_never_raise_the_mean_of_the_highest(z: Maps, k: int) -> None:
    few, more = (scores(Weldon(count, 0), z) for count in (k, k + 1))
    assert (more <= few + 1e-4).all()


@settings(deadline=None, max_examples=50)
@given(class_maps, heights)
def test_a_constant_on_the_map_is_one_on_the_score(z: Maps, added: float) -> None:
    for pooling in (Max(), Mean(), LogSumExp(2)):
        before, after = scores(pooling, z), scores(pooling, z + np.float32(added))
        np.testing.assert_allclose(after, before + np.float32(added), atol=1e-3)


@pytest.mark.parametrize("text", ["max", "gap", "lse(5)", "weldon(2, 1)", "wildcat(3, 0.5, 0.5)"])
def test_every_head_learns_which_half_is_lit(text: str) -> None:
    torch.manual_seed(0)
    x = torch.zeros(2, 1, 6, 6)
    x[0, 0, :3], x[1, 0, 3:] = 1, 1
    x = torch.cat([x, x.flip(2)], dim=1)  # a filter for each half
    x[:, 0, 3:], x[:, 1, :3] = 0, 0
    head = PooledClassifier(2, 2, parse_pooling(text))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.3)
    for _ in range(15):
        error = nn.functional.cross_entropy(head(x), torch.arange(2))
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert head(x).argmax(dim=1).tolist() == [0, 1]


def test_texts_name_heads_and_their_arguments() -> None:
    wildcat = parse_pooling("wildcat(4, k=0.3)")
    assert isinstance(wildcat, Wildcat)
    assert (wildcat.maps, wildcat.alpha, wildcat.k) == (4, 0.7, 0.3)
    assert isinstance(parse_pooling(" max "), Max)
    assert isinstance(parse_pooling("gap()"), Mean)


@pytest.mark.parametrize(
    "text",
    ["maximum", "", "lse(b=2)", "lse(5", "max(1)", "lse(open('x'))", "a.b(1)", "lse('high')", "1"],
)
def test_an_unknown_head_is_named_beside_those_there_are(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_pooling(text)
    assert str(caught.value) == (
        f"head {text!r} is unknown; there are: max, gap, lse(beta), weldon(k_max, k_min), "
        "wildcat(maps, alpha, k)"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("lse(0)", "beta=0"),
        ("weldon(0, 3)", "k_max=0"),
        ("weldon(2.5, 3)", "k_max=2.5"),
        ("weldon(2, -1)", "k_min=-1"),
        ("wildcat(maps=0)", "maps=0"),
        ("wildcat(alpha=2)", "alpha=2"),
        ("wildcat(k=-0.2)", "k=-0.2"),
    ],
)
def test_a_senseless_argument_is_named(text: str, named: str) -> None:
    with pytest.raises(ModelError, match=f"head: {named} is not allowed; give a number|whole"):
        parse_pooling(text)


@pytest.mark.parametrize("text", ["gap", "wildcat(3, 0.7, 0.2)"])
def test_class_weights_give_the_class_map(text: str) -> None:
    head = PooledClassifier(5, 2, parse_pooling(text))
    maps = torch.rand(1, 5, 4, 3)
    convolution, pooling = head
    assert isinstance(pooling, Pooling)
    weights, biases = head.class_weights()
    direct = torch.einsum("nchw,ck->nkhw", maps, weights) + biases[:, None, None]
    torch.testing.assert_close(direct, pooling.class_map(convolution(maps)))


def test_gap_on_class_maps_is_the_linear_classifier_on_means() -> None:
    head = PooledClassifier(5, 3, Mean())
    maps = torch.rand(2, 5, 4, 6)
    weights, biases = head.class_weights()
    torch.testing.assert_close(head(maps), maps.mean(dim=(2, 3)) @ weights + biases)


@pytest.mark.parametrize("trunk", ["lenet", "nin", "text", "tutorial-fc"])
def test_any_trunk_takes_any_head_and_pictures_of_any_size(trunk: str) -> None:
    network = build(f"{trunk} + wildcat(maps=2, alpha=0.5, k=0.2)", 3)
    assert isinstance(network.classifier, PooledClassifier)
    channels = 1 if trunk == "lenet" else 3
    for side in (64, 128):
        with torch.inference_mode():
            assert network(torch.rand(1, channels, side, side)).shape == (1, 3)


def test_a_new_head_keeps_the_trunk() -> None:
    trunk: Network = build("tutorial-gap", 2)
    network = with_head(trunk, 7, "max")
    assert network.features is trunk.features
    assert network(torch.rand(2, 3, 40, 40)).shape == (2, 7)


def test_low_precision_does_not_round_the_log_sum_exp() -> None:
    z = torch.linspace(-1, 1, 400).view(1, 1, 20, 20)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(LogSumExp(5)(z), LogSumExp(5)(z.double()).float())
