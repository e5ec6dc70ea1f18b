from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from locpipe.pipeline.training.ablation import weigh
from locpipe.pipeline.training.digits.loop import batch
from locpipe.pipeline.training.digits.mnist import Digits
from locpipe.pipeline.training.digits.weigh import sign_changes
from locpipe.stages.models.loading import Model, find_model, load_model
from locpipe.stages.models.tables import Tables


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load_model(find_model("digits"))


def test_the_shipped_tables_are_consistent(shipped: Model) -> None:
    tables = shipped.tables
    assert tables.count.sum() == 60_000
    assert all(np.isfinite(table).all() for table in vars(tables).values())
    assert tables.error.shape == tables.linear.shape == (16, 10)
    assert (tables.excitation >= 0).all()
    # Blocking a filter costs something over all samples, for nearly every filter.
    assert (tables.error @ tables.count > 0).sum() >= 15
    assert (tables.baseline > 0).all()


def test_sign_changes_are_where_class_and_paper_weights_differ(shipped: Model) -> None:
    paper = shipped.tables.error @ shipped.tables.count
    changes = sign_changes(shipped)
    for i, row in enumerate(shipped.tables.error):
        assert changes[i] == tuple(str(c) for c in range(10) if row[c] * paper[i] < 0)
    assert any(changes)


def test_the_shipped_tables_are_those_of_the_shipped_weights(
    shipped: Model, digits: dict[str, Digits]
) -> None:
    def some() -> Iterator[tuple[Tensor, Tensor]]:
        for index in torch.arange(6000).split(1000):
            yield batch(digits["train"], index)

    found: Tables = weigh(shipped.network, some(), 10)
    for name in ("error", "energy", "excitation"):
        theirs, ours = getattr(shipped.tables, name), getattr(found, name)
        assert np.corrcoef(theirs.ravel(), ours.ravel())[0, 1] > 0.95
    assert np.allclose(found.excitation, shipped.tables.excitation, rtol=0.1)
