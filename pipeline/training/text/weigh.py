"""`locpipe weigh` for the text network: tables of its positions, measured on rendered pictures."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....stages.heatmap import filter_weights
from ....stages.models.loading import Model, load_model, load_network, read_card
from ....stages.models.tables import Tables
from ....stages.nets import Network
from ..ablation import Sums
from ..calibration import KINDS
from ..card import made_with, require_weights, write_tables
from ..scene_text.render import Renderer
from ..scene_text.settings import RenderSettings
from ..watched import watched
from .card import rendered_settings
from .labels import IGNORED, TEXT
from .samples import Batch
from .validate import as_input, head_of

SEED = 8_000_000
"""Added to the renderer's seed: these pictures are in neither training nor validation."""
PICTURES = 192
"""Rendered pictures that the tables are measured on."""


def weigh_text(folder: Path, backgrounds: Path | None) -> str:
    """Measure the tables of a text model on rendered pictures, write them, return a report.

    `backgrounds` is a folder of photographs without text; None: that of the training.

    Raises:
        ModelError: the model is not one of text, or its weights were changed.
        ConfigError: there are no fonts, words or backgrounds.
        OutputError: the folder of the model cannot be written.
    """
    card = read_card(folder)
    require_weights(folder, card)
    settings = rendered_settings(folder, card, backgrounds, SEED)
    torch.set_num_threads(1)
    tables = weigh_positions(load_network(folder), _batches(settings))
    about = {"data": "positions of rendered pictures", "pictures": PICTURES, "seed": settings.seed}
    write_tables(folder, card, vars(tables), about | made_with("torch"))
    return report(load_model(folder))


def report(model: Model) -> str:
    """Return a table of the weights of every filter for cores of words, by each kind."""
    name = model.card.classes[TEXT]
    columns = [filter_weights(model, name, weights=kind)[0][1].tolist() for kind in KINDS]
    lines = ["filter" + "".join(f"{kind:>12}" for kind in KINDS)]
    for index, row in enumerate(zip(*columns, strict=True)):
        lines.append(f"{index:6}" + "".join(f"{value:12.4f}" for value in row))
    return "\n".join(lines)


def weigh_positions(network: Network, batches: Iterable[tuple[Tensor, Tensor]]) -> Tables:
    """Measure how the error of the positions of each class grows when each filter is blocked.

    A sample is a position. The map of a blocked filter is zero before the classifier, which is
    linear in F. So its logits are those of the whole minus the contribution of the filter, and F is
    computed once. Four things differ from whole pictures (`..ablation.weigh`):

    - The error is that of "this class or not" by the logit of the class alone, as in training
      (`balanced_loss`). Cross entropy between classes also counts evidence against the others. The map
      of one class would then rise where the others fall, and words that touch would merge.
    - `error` is its growth per unit of response: the sum of the growth divided by the sum of
      (1 - p) F_i, where p is the probability of the class. There the error grows by about
      (1 - p) w_i F_i. A map is weight times response. With growth itself as weight, the scale of a
      filter would count twice. If a filter is scaled by s and its column of the classifier by 1 /
      s, the network is the same, but the map would change. 1 - p is the mean of its values with the
      filter and without it, as the error grows ever faster in between. The value with the filter
      alone would overrate filters for the class, and underrate filters against it.
    - `energy`: a sample is all positions of a class on a picture, sum of error growth by sum of F_i^2.
      Single positions where a filter is nearly silent would decide everything.
    - `linear`: the weights of the classifier itself, which is already linear on positions.

    Args:
        network: in evaluation mode; its classifier a 1x1 convolution.
        batches: pictures float32 [N, C_in, H, W] as the network wants them, and classes of their
            positions uint8 [N, h, w]; those that are IGNORED are left out.

    Raises:
        ModelError: the classifier is no 1x1 convolution.
    """
    sums = _PositionSums(head_of(network))
    with torch.inference_mode():
        for pictures, classes in batches:
            for maps, labels in zip(network.features(pictures), classes, strict=True):
                counted = labels != IGNORED
                sums.add(maps[:, counted], labels[counted].long())
    return sums.tables()


class _PositionSums(Sums):
    """Sums over the positions of each class, float64 so that their order hardly matters."""

    def __init__(self, head: nn.Conv2d) -> None:
        assert head.bias is not None
        self.weight, self.bias = head.weight.detach()[:, :, 0, 0], head.bias.detach()
        classes, filters = self.weight.shape
        super().__init__(filters, classes)
        self.at_stake = torch.zeros_like(self.error)
        self.pictures = torch.zeros_like(self.count)

    def add(self, responses: Tensor, labels: Tensor) -> None:
        """Add a picture: F float32 [C, n] and labels int64 [n] of its n positions."""
        contributed = (self.weight[labels].T * responses).double()  # [C, n], to the class's logit
        logit = contributed.sum(dim=0) + self.bias[labels]
        error = functional.softplus(-logit)
        one_hot = functional.one_hot(labels, len(self.bias)).double()  # [n, K]
        blocked = functional.softplus(contributed - logit)
        squares = responses.double().square() @ one_hot
        grown = (blocked - error) @ one_hot
        self.error += grown
        # If a filter is silent on a class, blocking it changes nothing: 0 / 0 is 0.
        self.energy += torch.where(squares > 0, grown / squares.clamp_min(1e-300), 0)
        self.excitation += responses.double() @ one_hot
        unsure = (torch.sigmoid(-logit) + torch.sigmoid(contributed - logit)) / 2
        self.at_stake += (unsure * responses) @ one_hot
        self.baseline += error @ one_hot
        self.count += one_hot.sum(dim=0).long()
        self.pictures += (one_hot.sum(dim=0) > 0).long()

    def tables(self) -> Tables:
        """Return the means; those of a filter that is always silent are 0."""
        error = torch.where(self.at_stake > 0, self.error / self.at_stake, 0)
        return Tables(
            error=error.numpy(),
            baseline=(self.baseline / self.count).numpy(),
            energy=(self.energy / self.pictures).numpy(),
            excitation=(self.excitation / self.count).numpy(),
            linear=self.weight.T.double().numpy().copy(),
            count=self.count.numpy(),
        )


def _batches(settings: RenderSettings) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    renderer = Renderer(settings)
    for index in watched(range(PICTURES), "weighing", PICTURES):
        rendering = renderer.render(index)
        batch = Batch.of([(rendering.rgb, rendering.words)])
        yield as_input(batch.pictures, torch.device("cpu")), torch.from_numpy(batch.classes)
