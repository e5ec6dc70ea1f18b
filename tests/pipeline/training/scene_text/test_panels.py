from dataclasses import replace

import cv2
import numpy as np
import pytest

from locpipe.pipeline.training.scene_text.fonts import Face
from locpipe.pipeline.training.scene_text.layout import Block, Paragraph
from locpipe.pipeline.training.scene_text.panels import Panel, choose_panel
from locpipe.pipeline.training.scene_text.pose import Arc, Pose, rectangle
from locpipe.pipeline.training.scene_text.typeset import Style, typeset

UPRIGHT = Pose(np.eye(3))
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
    panel = choose_panel(np.random.default_rng(seed), block, UPRIGHT)
    rgb = np.zeros((300, 400, 3), np.uint8)
    pose = Pose(np.eye(3)).moved(120, 120)
    panel.draw(rgb, pose, np.random.default_rng(seed))
    middle = rgb[122 : 120 + int(block.height) - 2, 122 : 120 + int(block.width) - 2]
    assert np.abs(middle.mean(axis=(0, 1)) - panel.opacity * panel.paper).max() < 25
    assert (rgb[0] == 0).all()


def test_icons_stand_beside_the_text(block: Block) -> None:
    rng = np.random.default_rng(0)
    panels = [choose_panel(rng, block, UPRIGHT) for _ in range(200)]
    with_icon = [panel for panel in panels if panel.icons]
    assert 30 < len(with_icon) < 90
    for panel in with_icon:
        low, high = panel.icons[0].min(0), panel.icons[0].max(0)
        assert high[0] < 0 or low[0] > block.width or high[1] < 0


def test_curved_text_stands_inside_a_flat_panel(block: Block) -> None:
    for radius in (-60.0, 60.0):
        pose = Pose(np.eye(3), Arc(block.width / 2, block.height / 2, radius))
        text = pose.forward(rectangle(0, 0, block.width, block.height, 20)).astype(np.float32)
        for seed in range(20):
            panel = choose_panel(np.random.default_rng(seed), block, pose)
            outline = panel.outline.astype(np.float32).reshape(-1, 1, 2)
            inside = [cv2.pointPolygonTest(outline, (x, y), True) > 0 for x, y in text.tolist()]  # noqa: FBT003
            assert np.mean(inside) > 0.9


def test_rules_lie_between_paragraphs(block: Block) -> None:
    first = block.paragraphs[0]
    second = replace(first, y=first.typeset.mask.shape[0] + 20)
    double = Block((first, second), block.width, second.y + first.typeset.mask.shape[0])
    rng = np.random.default_rng(0)
    icons = [i for _ in range(300) for i in choose_panel(rng, double, UPRIGHT).icons]
    rules = [icon for icon in icons if np.ptp(icon[:, 1]) < 3 and len(icon) == 32]
    assert 10 < len(rules) < 100
    for rule in rules:
        assert first.typeset.mask.shape[0] < rule[:, 1].min()
        assert rule[:, 1].max() < second.y


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
