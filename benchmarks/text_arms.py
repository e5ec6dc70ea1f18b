"""Ways to a text network: from scratch, on a pretrained trunk, taught by that one."""

import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from locpipe.pipeline.training.text.config import TextTrainConfig
from locpipe.pipeline.training.text.labels import CLASSES
from locpipe.pipeline.training.text.loop import TextTraining, TrainedText, untrained
from locpipe.pipeline.training.text.samples import Batch, batches
from locpipe.pipeline.training.text.validate import Rendered
from locpipe.stages.nets import Network
from locpipe.stages.nets.backbones import LITE0, weights_file
from locpipe.stages.nets.efficientnet_lite import EfficientNetLite0, renamed
from locpipe.stages.nets.text import TextNet

ARMS = ("scratch", "pretrained", "distilled", "finetuned")
TEMPERATURE = 2.0
_TAUGHT = 0.1  # share of the positions, those with the most to learn from the teacher


class Arm(TextTraining):
    """A training that counts its CPU seconds, rendering included and measuring left out."""

    def __init__(self, config: TextTrainConfig, network: Network, *, resume: bool) -> None:
        super().__init__(config, network, resume=resume)
        self.spent = float(self.curve[-1]["cpu"]) if self.curve else 0.0
        self.since = time.process_time()

    def validated(self, rendered: Rendered) -> TrainedText:
        """Measure as ever; the record also gets `cpu`."""
        self.spent += time.process_time() - self.since
        trained = super().validated(rendered)
        self.curve[-1]["cpu"] = round(self.spent, 3)
        self.since = time.process_time()
        return trained


class Distilled(Arm):
    """Learns from the truth as ever, and from the soft answers of a teacher.

    Hinton et al. 2015, "Distilling the knowledge in a neural network": the divergence of softened
    answers, times the square of the temperature.
    """

    def __init__(
        self, config: TextTrainConfig, network: Network, *, teacher: Network, resume: bool
    ) -> None:
        super().__init__(config, network, resume=resume)
        self.teacher = teacher.eval()

    def loss(self, x: Tensor, logits: Tensor, batch: Batch) -> Tensor:
        """Return the error on the truth plus that on the answers of the teacher."""
        with torch.no_grad():
            answers = self.answers(self.teacher, x)
        return super().loss(x, logits, batch) + distillation(logits, answers)


def distillation(logits: Tensor, answers: Tensor) -> Tensor:
    """Return the mean divergence from the teacher where it is greatest.

    The mean over all positions would be next to nothing: nearly all are plain background.

    Args:
        logits: of the pupil, float32 [N, K, h, w].
        answers: logits of the teacher, of the same shape.
    """
    ours, theirs = (functional.log_softmax(one / TEMPERATURE, dim=1) for one in (logits, answers))
    divergence = (theirs.exp() * (theirs - ours)).sum(dim=1).flatten()
    most = divergence.topk(max(1, int(_TAUGHT * len(divergence)))).values
    return most.mean() * TEMPERATURE**2


def pretrained(classes: int) -> Network:
    """Return TextNet with the trunk of EfficientNet-lite0, weights included, down to stride 16.

    Its later stages, more than half of its work, are cut. The levels of strides 32 and 64, the
    pyramid, the 48 filters and the classifier are TextNet's own, untrained. Pictures come in
    TextNet's scale: the first batch norm takes one scale and one shift of all channels away.

    Raises:
        ModelError: the package with the weights is not installed.
    """
    lite = EfficientNetLite0()
    weights = torch.load(weights_file(LITE0, "DEFAULT"), weights_only=True)
    lite.load_state_dict(renamed(weights, lite))
    network = TextNet(classes)
    features = network.features
    stages, sides = (features.get_submodule(name) for name in ("stages", "sides"))
    assert isinstance(stages, nn.ModuleList)
    assert isinstance(sides, nn.ModuleList)
    # The four layers of the stem, then a module a block: 1 + 2 + 2 + 3 of them to stride 16.
    features.stem = lite.features[:5]
    for level, (first, last, width) in enumerate(((5, 7, 24), (7, 9, 40), (9, 12, 80))):
        stages[level] = lite.features[first:last]
        sides[level] = nn.Conv2d(width, _width(sides), 1)
    deeper = stages[3]
    assert isinstance(deeper, nn.Sequential)
    deeper[0] = nn.Conv2d(80, _width(deeper), 2, 2, bias=False)
    return network.eval()


def _width(layers: nn.Module) -> int:
    return next(one.out_channels for one in layers.modules() if isinstance(one, nn.Conv2d))


def network_of(arm: str, config: TextTrainConfig) -> Network:
    """Return the network of an arm with its first weights; the same with every call.

    The pretrained trunk stays as it is, which triples the steps of an hour: gradients of strided
    depthwise convolutions, of which it has three, are slow on CPUs. Only `finetuned` trains it too.
    """
    if arm not in {"pretrained", "finetuned"}:
        return untrained(config)
    torch.manual_seed(config.seed)
    network = pretrained(len(CLASSES))
    for part in ("stem", "stages.0", "stages.1", "stages.2"):
        network.features.get_submodule(part).requires_grad_(requires_grad=arm == "finetuned")
    return network


def started(arm: str, config: TextTrainConfig, teacher: Network | None = None) -> Arm:
    """Return an arm where its last checkpoint left it; the distilled one needs its teacher."""
    network = network_of(arm, config)
    if arm != "distilled":
        return Arm(config, network, resume=True)
    assert teacher is not None
    return Distilled(config, network, teacher=teacher, resume=True)


def seconds_a_step(config: TextTrainConfig, turns: int) -> dict[str, float]:
    """Return the CPU seconds of a step of each arm, rendering included, measured in alternation.

    Seconds of another hour compare nothing on a shared machine.

    Args:
        config: of the training; its output must hold no checkpoint.
        turns: of each arm, after one that is not counted; a turn is as many steps as a picture
            gives crops for.
    """
    per_turn = config.crops.per_picture
    given = config.model_copy(update={"steps": (turns + 1) * per_turn})
    teacher = network_of("pretrained", given).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # see TextTraining
    runs = {arm: (started(arm, given, teacher), batches(given, 0)) for arm in ARMS}
    spent = dict.fromkeys(ARMS, 0.0)
    for turn in range(turns + 1):
        for arm, (run, waiting) in runs.items():
            before = time.process_time()
            for _ in range(per_turn):
                run.learn(next(waiting))
            spent[arm] += (time.process_time() - before) * (turn > 0)
    return {arm: seconds / turns / per_turn for arm, seconds in spent.items()}
