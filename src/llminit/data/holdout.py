"""The interactions that a model is trained, validated and tested on, as matrices."""

from dataclasses import dataclass
from functools import cached_property

import scipy.sparse as sp

from llminit.data.dataset import Dataset, Interactions, order_of, to_csr
from llminit.data.split import Split


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A split data set, as float32 CSR matrices of shape (n_users, n_items) that hold ones for interactions."""

    dataset: Dataset
    split: Split

    @cached_property
    def train(self) -> sp.csr_array:
        """Training interactions."""
        return self._matrix(self.split.train)

    @cached_property
    def valid(self) -> sp.csr_array:
        """Validation interactions."""
        return self._matrix(self.split.valid)

    @cached_property
    def test(self) -> sp.csr_array:
        """Test interactions."""
        return self._matrix(self.split.test)

    @cached_property
    def train_order(self) -> sp.csr_array | None:
        """Which of a user's training interactions came first: entries 1, 2, ... of `train`; None without timestamps."""
        train = self.split.train
        if train.timestamps is None:
            return None
        return order_of(train, self.dataset.n_users, self.dataset.n_items)

    @property
    def seen_at_valid(self) -> sp.csr_array:
        """Training interactions, which are seen when validating."""
        return self.train

    @cached_property
    def seen_at_test(self) -> sp.csr_array:
        """Training and validation interactions, which are seen when testing."""
        return (self.train + self.valid).tocsr()

    def _matrix(self, interactions: Interactions) -> sp.csr_array:
        return to_csr(interactions, self.dataset.n_users, self.dataset.n_items)
