import numpy as np
import pytest

from locpipe.pipeline.evaluation.bootstrap import bootstrap, means


def test_the_set_itself_comes_first_and_every_sample_is_as_large() -> None:
    times = bootstrap(7)
    assert times.shape == (2001, 7)
    assert (times[0] == 1).all()
    assert (times.sum(axis=1) == 7).all()


def test_the_spread_is_that_of_the_binomial() -> None:
    found = np.repeat([0, 1], 200)
    low, high = np.percentile(means(bootstrap(400)[1:], found), [2.5, 97.5])
    assert low == pytest.approx(0.5 - 0.049, abs=0.006)
    assert high == pytest.approx(0.5 + 0.049, abs=0.006)


def test_samples_are_the_same_every_time() -> None:
    assert np.array_equal(bootstrap(5), bootstrap(5))


def test_means_are_exact_for_counts() -> None:
    rows = np.ones((82, 3))
    assert (means(bootstrap(82), rows) == 1).all()
    assert means(np.array([[1.0, 3]]), np.array([[1.0, 0], [0, 1]])).tolist() == [[0.25, 0.75]]
