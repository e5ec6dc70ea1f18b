import numpy as np
import pytest
from calibration_configs import BOTH, PAPER

from locpipe.pipeline.config.sections import Config
from locpipe.pipeline.training.calibration import KINDS, asked_for
from locpipe.pipeline.training.digits.calibrate import Fit, Material, calibrate, canvases, report
from locpipe.pipeline.training.digits.canvases import Canvas
from locpipe.pipeline.training.digits.mnist import Digits
from locpipe.stages.errors import ConfigError
from locpipe.stages.heatmap import heatmap
from locpipe.stages.infer import infer
from locpipe.stages.models.loading import Model
from locpipe.stages.settings import Weights


@pytest.fixture(scope="module")
def some(drawn: Digits) -> list[Canvas]:
    return list(canvases(Material(drawn, (), count=24, seed=1)))


def fits(model: Model, config: Config, some: list[Canvas]) -> list[Fit]:
    asked = asked_for(model, [config], every_kind=False)
    return list(calibrate(model, asked, some, seed=1))


def test_what_else_is_asked_for_changes_nothing(shipped: Model, some: list[Canvas]) -> None:
    alone = fits(shipped, PAPER, some)
    asked = asked_for(shipped, [PAPER, BOTH], every_kind=False)
    together = list(calibrate(shipped, asked, some, seed=1))
    papers = [one for one in together if one.calibration.weights == "paper"]
    for one, other in zip(alone, papers, strict=True):
        # Products with one vector and with several are rounded differently.
        assert other.calibration.slope == pytest.approx(one.calibration.slope, rel=1e-4)
        assert other.auc == pytest.approx(one.auc, abs=1e-4)


def test_ink_comes_out_hotter_than_ground(shipped: Model, some: list[Canvas]) -> None:
    (one, smaller) = fits(shipped, PAPER, some)
    assert one.calibration.scale == 1.0
    assert min(one.auc, smaller.auc) > 0.75
    assert one.calibration.slope > 0
    assert one.lit < 0.02
    assert f"{one.auc:.3f}" in report([one])


def test_canvases_without_ink_of_a_label_are_too_few(shipped: Model, some: list[Canvas]) -> None:
    expected = "no canvas shows ink for label 0, polarity inverted: draw more with --canvases"
    with pytest.raises(ConfigError, match=expected):
        fits(shipped, BOTH, [one for one in some if one.light.all() and 0 in one.labels])


def test_a_polarity_is_fitted_on_ink_that_stands_out_its_way(
    shipped: Model, some: list[Canvas]
) -> None:
    """A picture and its negative swap the polarities, but for nothing else."""
    negatives = [
        Canvas(255 - one.rgb, one.boxes, one.labels, ~one.light, one.owner) for one in some
    ]
    ours = fits(shipped, BOTH, some)
    theirs = [*ours[2:], *ours[:2]]  # labels 0 and 9 of either polarity
    for one, other in zip(fits(shipped, BOTH, negatives), theirs, strict=True):
        assert one.calibration.polarity != other.calibration.polarity
        assert one.calibration.label == other.calibration.label
        assert one.calibration.slope == pytest.approx(other.calibration.slope, rel=1e-4)
        assert one.auc == pytest.approx(other.auc, abs=1e-4)


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("weights", KINDS)
def test_a_plain_picture_stays_dark_with_the_shipped_model(
    shipped: Model, level: int, weights: Weights
) -> None:
    plain = np.full((120, 160, 3), level, np.uint8)
    features = [
        infer(shipped, plain, scale=scale, polarity=polarity)
        for scale in (1.0, 0.5, 0.25)
        for polarity in ("normal", "inverted")
    ]
    heat = heatmap(shipped, features, labels=("text",), weights=weights)
    assert heat.values.max() < 0.5


def test_the_shipped_model_is_calibrated_for_the_shipped_configs(shipped: Model) -> None:
    card = shipped.card
    for weights in ("paper", "class", "contrast", "energy", "excitation", "linear"):
        for polarity in ("normal", "inverted"):
            for scale in (1.0, 0.5, 0.25):
                for name in card.map_names("text", weights, "max"):
                    found = card.calibrated(weights, "native", polarity, name, scale)
                    assert found.scale == scale
                    assert found.slope >= 0
