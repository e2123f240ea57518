"""How large a problem is, for estimates of memory."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """The sizes of a training problem.

    Attributes:
        n_users: Number of users.
        n_items: Number of items.
        n_interactions: Number of training interactions.
        embedding_size: d; 0 where there are no embeddings.
        text_width: D, the width of the text embeddings; 0 without text.
    """

    n_users: int
    n_items: int
    n_interactions: int
    embedding_size: int = 0
    text_width: int = 0
