import subprocess
import sys

PROGRAM = """
import torch
from locpipe.stages.nets.torchvision_shim import declare_operators
first = declare_operators()
import torchvision
assert declare_operators() is first
print(torchvision.extension._has_ops(), first is None)
boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.0]])
assert torchvision.ops.box_iou(boxes, boxes)[0, 1] == 0.5
"""


def test_torchvision_imports_in_a_fresh_process_and_real_operators_are_left_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded, nothing_done = done.stdout.split()
    assert loaded == nothing_done
