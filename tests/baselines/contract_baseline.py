"""What every baseline promises."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from llminit.errors import ConfigError, InputError


def check_baseline(kind):
    """Check a baseline class: scores of the right shape, from training data alone, the same each time."""
    baseline = kind.make()
    rng = np.random.default_rng(11)
    train = csr_array((rng.random((12, 8)) < 0.4).astype(np.float32))
    before = train.copy()
    users = np.array([3, 0, 3, 11])
    scores = baseline.fit(train).scores(users)
    assert scores.dtype == np.float32
    assert scores.shape == (4, 8)
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[0], scores[2])
    assert np.array_equal(scores, baseline.fit(train).scores(users))
    assert np.array_equal(train.toarray(), before.toarray())
    _check_odd_input(baseline, train)
    with pytest.raises(ConfigError, match="unknown option"):
        kind.make(no_such_option=1)


def _check_odd_input(baseline, train):
    holes = train.toarray()
    holes[5], holes[:, 6] = 0, 0
    scores = baseline.fit(csr_array(holes)).scores(np.arange(12))
    assert np.isfinite(scores).all(), "users without history and items without interactions get finite scores"
    with pytest.raises(InputError, match="no interaction"):
        baseline.fit(csr_array((3, 4), dtype=np.float32))
    with pytest.raises(InputError, match=r"scipy\.sparse"):
        baseline.fit(np.ones((3, 4), dtype=np.float32))
    with pytest.raises(InputError, match="NaN"):
        baseline.fit(csr_array(np.array([[1.0, np.nan]])))
