import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.fonts import Face
from locpipe.pipeline.training.scene_text.layout import Block, Paragraph
from locpipe.pipeline.training.scene_text.panels import Panel, choose_panel
from locpipe.pipeline.training.scene_text.pose import Pose, rectangle
from locpipe.pipeline.training.scene_text.typeset import Style, typeset

PAPER, INK = np.array([240.0, 240, 235]), np.array([20.0, 60, 140])


@pytest.fixture
def block(face: Face) -> Block:
    style = Style(face, em=20, tracking=0, gap=0.3, leading=1.2, align=0, vertical=False)
    done = typeset([["EXIT", "here"]], style)
    assert done is not None
    height, width = done.mask.shape
    return Block((Paragraph(done, 20, 0, 0),), width, height)


@pytest.mark.parametrize("seed", range(30))
def test_panel_surrounds_its_block(block: Block, seed: int) -> None:
    panel = choose_panel(np.random.default_rng(seed), block, PAPER, INK)
    rgb = np.zeros((300, 400, 3), np.uint8)
    pose = Pose(np.eye(3)).moved(120, 120)
    panel.draw(rgb, pose, np.random.default_rng(seed))
    middle = rgb[122 : 120 + int(block.height) - 2, 122 : 120 + int(block.width) - 2]
    if panel.opacity == 1:
        assert (middle.min(axis=(0, 1)) > 150).all()
    assert (rgb[0] == 0).all()


def test_icons_stand_beside_the_text(block: Block) -> None:
    rng = np.random.default_rng(0)
    panels = [choose_panel(rng, block, PAPER, INK) for _ in range(200)]
    with_icon = [panel for panel in panels if panel.icons]
    assert 30 < len(with_icon) < 90
    for panel in with_icon:
        low, high = panel.icons[0].min(0), panel.icons[0].max(0)
        assert high[0] < 0 or low[0] > block.width or high[1] < 0


def test_panel_outside_the_picture_draws_nothing() -> None:
    rgb = np.zeros((50, 50, 3), np.uint8)
    panel = Panel(rectangle(0, 0, 20, 20), PAPER, INK, border=1, icons=[], opacity=1)
    panel.draw(rgb, Pose(np.eye(3)).moved(200, 200), np.random.default_rng(0))
    assert not rgb.any()


def test_border_is_drawn_inside_the_edge() -> None:
    rgb = np.zeros((120, 120, 3), np.uint8)
    panel = Panel(rectangle(0, 0, 100, 100), PAPER, INK, border=3, icons=[], opacity=1)
    panel.draw(rgb, Pose(np.eye(3)).moved(10, 10), np.random.default_rng(0))
    assert np.abs(rgb[60, 11].astype(int) - INK).max() < 40
    assert rgb[60, 60].min() > 190
