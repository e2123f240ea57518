"""The fitted artefact: answers for users, items, histories and texts, and what is added after the fit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from llminit.errors import ConfigError
from llminit.progress import SILENT, Reporter
from llminit.recommender import editing, new_interactions, wishes
from llminit.recommender.choice import like_input
from llminit.recommender.histories import history_matrix, lists_for_histories
from llminit.recommender.lookup import checked_dial, checked_k, checked_ks, counts_of, user_codes
from llminit.recommender.measure import measure
from llminit.recommender.ranking import best_lists, most_similar
from llminit.recommender.reasons import reasons
from llminit.recommender.state import State


@dataclass(frozen=True, eq=False)
class Recommender(State):
    """Answers "what next?" for users, histories and texts, and "what else?" for items; see `State` for its fields.

    What is added or removed gives a new recommender; the old one keeps serving.
    """

    def __repr__(self) -> str:
        """Return a line for people."""
        config = self.report.get("config", {})
        made = " + ".join(str(config[name]) for name in ("backbone", "init") if config.get(name))
        return f"<Recommender{f' {made}' if made else ''}: {len(self.users)} users, {len(self.items)} items>"

    def recommend(
        self,
        user_ids: Any = None,
        k: int | Sequence[int] = 10,
        *,
        exclude_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
        where: Mapping[str, Any] | None = None,
        diversity: float = 0.0,
        reporter: Reporter = SILENT,
    ) -> Any:
        """Return the best items of each user.

        Args:
            user_ids: Whom to recommend to: a sequence or a column of ids; None means every user.
            k: Items a user, one number or one for each user; a user with fewer items left gets fewer.
            exclude_seen: Leave out what the user already has.
            candidates: Ids of the items to choose from; None means all.
            exclude: Ids of items that nobody is to get, or a table with `user_id` and `item_id`: what each user is not
                to get.
            where: Columns of the item table and the value, or list of values, that an item must have there.
            diversity: From 0, the order of the scores, to 1: how much an item that is unlike those before it is
                preferred (maximal marginal relevance); scores then need not fall from rank to rank.
            reporter: Receives progress.

        Returns:
            Columns `user_id`, `item_id`, `score` (float32), `rank` (from 1) and, where titles are known, `title`: a
            polars table, or a pandas one for pandas ids.

        Raises:
            UnknownIdError: A user, candidate or excluded item is not in the data.
            ConfigError: k is less than 1, there is no such column, or the dial is not in [0, 1].
        """
        codes = user_codes(self.users, user_ids, self.report)
        counts, dial = counts_of(k, len(codes)), checked_dial(diversity, "diversity")
        items, scores = best_lists(
            self.model,
            self.seen,
            codes,
            counts,
            self.candidates(candidates, exclude, where),
            exclude_seen=exclude_seen,
            diversity=dial,
            directions=self.directions if dial else None,
            reporter=reporter,
        )
        users = self.users.ids_of(np.repeat(codes, (items >= 0).sum(axis=1))).alias("user_id")
        return like_input(self.ranked(items, scores).insert_column(0, users), user_ids)

    def recommend_for_histories(
        self,
        histories: Any,
        k: int | Sequence[int] = 10,
        *,
        exclude_seen: bool = True,
        candidates: Any = None,
        exclude: Any = None,
        where: Mapping[str, Any] | None = None,
        diversity: float = 0.0,
        reporter: Reporter = SILENT,
    ) -> Any:
        """Return the best items for people who are no known users, from what they have.

        Args:
            histories: A list of lists of item ids, or a column of lists. An item counts once in a history; an empty
                history gets what people like in general.
            k: Items a history, one number or one for each.
            exclude_seen: Leave out what is in the history.
            candidates: See `recommend`.
            exclude: Ids of items that nobody is to get.
            where: See `recommend`.
            diversity: See `recommend`.
            reporter: Receives progress, and a note about empty histories.

        Returns:
            Columns `query` (the position of the history, from 0), `item_id`, `score`, `rank` and, where titles are
            known, `title`.

        Raises:
            UnknownIdError: An item of a history, a candidate or an excluded item is not in the data.
            DataError: It is no list of lists of ids.
            ConfigError: See `recommend`.
        """
        matrix = history_matrix(self.items, histories, self.report)
        return lists_for_histories(
            self,
            matrix,
            k,
            exclude_seen=exclude_seen,
            candidates=candidates,
            exclude=exclude,
            where=where,
            diversity=diversity,
            reporter=reporter,
        )

    def recommend_for_history(self, item_ids: Any, k: int = 10, **options: Any) -> Any:
        """Return the best items for one person who is no known user, from what they have.

        Args:
            item_ids: Ids of the items that they have.
            k: How many.
            options: See `recommend_for_histories`.

        Returns:
            Columns `item_id`, `score`, `rank` and, where titles are known, `title`: a polars table, or a pandas one
            for pandas ids.

        Raises:
            UnknownIdError: An item is not in the data.
            ConfigError: See `recommend`.
        """
        return like_input(self.recommend_for_histories([item_ids], checked_k(k), **options).drop("query"), item_ids)

    def recommend_for_text(
        self,
        text: str,
        k: int = 10,
        *,
        encoder: Any = None,
        candidates: Any = None,
        exclude: Any = None,
        where: Mapping[str, Any] | None = None,
        diversity: float = 0.0,
    ) -> Any:
        """Return the items nearest to a text, such as what a person is looking for.

        The text takes the way of a new item's: the encoder, the fitted selection, the map to the space that serves.

        Args:
            text: Some words, in any language that the encoder knows.
            k: How many.
            encoder: The encoder of the fit, opened; None opens it.
            candidates: See `recommend`.
            exclude: Ids of items that are not to be returned.
            where: See `recommend`.
            diversity: See `recommend`.

        Returns:
            Columns `item_id`, `score` (float32, the cosine; of a mixture weighted ones), `rank` and, where titles are
            known, `title`.

        Raises:
            ConfigError: The recommender was fitted without text, or the encoder is another one.
            MissingExtraError: The encoder is not installed.
        """
        chosen = self.candidates(candidates, exclude, where, of_users=False)
        return wishes.list_for_text(self, text, checked_k(k), chosen, encoder=encoder, diversity=diversity)

    def similar_items(self, item_id: Any, k: int = 10) -> Any:
        """Return the items whose vectors have the highest cosine similarity to an item's.

        Args:
            item_id: One id, or a sequence or column of them.
            k: How many for each.

        Returns:
            Columns `item_id`, `score` (float32, -1 to 1), `rank` (from 1) and, where titles are known, `title`. For
            several ids, a first column `query_id` says to which item a row belongs.

        Raises:
            UnknownIdError: An item is not in the data.
            ConfigError: k is less than 1.
        """
        several = isinstance(item_id, Iterable) and not isinstance(item_id, str | bytes | Mapping)
        k = checked_k(k)
        codes = self.item_codes(item_id if several else [item_id])
        items, scores = most_similar(self.directions, codes, min(k, len(self.items)), self.unavailable)
        ranked = self.ranked(items, scores)
        if not several:
            return ranked
        queries = self.items.ids_of(np.repeat(codes, (items >= 0).sum(axis=1))).alias("query_id")
        return like_input(ranked.insert_column(0, queries), item_id)

    def reasons(self, item_ids: Any, *, user_id: Any = None, history: Any = None, n: int = 3) -> Any:
        """Return why items are recommended: the items of a history that carry their scores.

        Args:
            item_ids: Ids of the items to explain.
            user_id: Whose history; or
            history: Ids of the items of a history.
            n: Most reasons for an item.

        Returns:
            Columns `item_id`, `because_id`, `share` (float32, of all that speaks for the item; largest first) and,
            where titles are known, `title` and `because_title`. An item for which nothing speaks has no row.

        Raises:
            UnknownIdError: An item or the user is not in the data.
            ConfigError: Not exactly one of user and history is given, or n is less than 1.
        """
        if (user_id is None) == (history is None):
            raise ConfigError("give one of user_id and history: reasons are the items of a history")
        own = self.seen[[self.user_code(user_id)]].indices if history is None else self.item_codes(history)
        return like_input(reasons(self, self.item_codes(item_ids), np.unique(own), checked_k(n)), item_ids)

    def add_items(
        self,
        items: Any,
        *,
        embeddings: Any = None,
        encoder: Any = None,
        exposure: float | None = None,
        reporter: Reporter = SILENT,
    ) -> Self:
        """Return a recommender that knows new items too, by their text: without training.

        An item that was added before is replaced; one that was removed is there again.

        Args:
            items: A path or a table with `item_id` and the columns of the item text.
            embeddings: Text embeddings of the items by the encoder of the fit: a path, a table or a pair (ids, array).
            encoder: The encoder of the fit, opened; None opens it.
            exposure: Where the dial is to be from now on; None leaves it.
            reporter: Receives progress, and a note about items without text.

        Raises:
            ConfigError: The recommender was fitted without text, or the encoder is another one.
            DataError: The table cannot be used, or an item is known from training.
            EmbeddingError: The embeddings are of another width.
            MissingExtraError: The encoder is not installed.
        """
        options = {"embeddings": embeddings, "encoder": encoder, "exposure": exposure, "reporter": reporter}
        return editing.add_items(self, items, **options)[0]

    def remove_items(self, item_ids: Any) -> Self:
        """Return a recommender that has some items in no list; they stay in the histories of those who have them.

        Raises:
            UnknownIdError: An item is not in the data.
        """
        return editing.remove_items(self, item_ids)

    def with_exposure(self, exposure: float) -> Self:
        """Return a recommender with the dial moved: how long the vectors of the items that were added are.

        Args:
            exposure: In units of the length of warm items with few interactions; 0 shows no added item to anybody.

        Raises:
            ConfigError: It is negative or not finite, or this recommender takes no new items.
        """
        return editing.with_exposure(self, exposure)

    def add_interactions(self, interactions: Any, *, reporter: Reporter = SILENT) -> Self:
        """Return a recommender that knows new interactions, of known and new users: without training.

        Args:
            interactions: A path or a table with `user_id` and `item_id`.
            reporter: Receives notes about interactions that were known already.

        Raises:
            UnknownIdError: An item is not in the data; add it first.
            DataError: The table cannot be used.
        """
        return new_interactions.add_interactions(self, interactions, reporter=reporter)[0]

    def evaluate(self, interactions: Any, ks: Sequence[int] = (10, 20)) -> dict[str, Any]:
        """Measure the model on interactions that it has not seen, under both protocols.

        Args:
            interactions: A path or a table with `user_id` and `item_id`.
            ks: The lengths of the lists that are measured.

        Returns:
            "metrics": by protocol, names such as "recall@10"; and counts: "n_users" and "n_interactions" that were
            measured, "n_seen" that the model knew already, "n_unknown_users" and "n_unknown_items", whose interactions
            are left out. Where some are of items that were added after the fit, "added_items" has the metrics and
            counts of these alone, ranked among all items.

        Raises:
            ConfigError: `ks` are not whole numbers of at least 1.
            DataError: The table cannot be read, or nothing in it can be measured.
        """
        return measure(self.model, self.users, self.items, self.seen, interactions, checked_ks(ks), self.folded)
