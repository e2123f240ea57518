"""Runs trials: learns models on training interactions and measures them on the validation interactions.

The test interactions are taken out of every split before anything else sees it.
"""

import json
import time
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, Split, split_interactions
from llminit.errors import InputError, StorageError
from llminit.evaluation import mean_metric, ranks_under
from llminit.initialization import InitialEmbeddings
from llminit.models import is_baseline
from llminit.pipeline.learn import learn
from llminit.pipeline.learned import Learned
from llminit.pipeline.mixture import MIXTURE, learn_mixture
from llminit.pipeline.training import initial_from
from llminit.progress import SILENT, Reporter
from llminit.text import TextEmbeddings
from llminit.training import EpochRecord
from llminit.tuning.outcome import AskAfterEpoch, Ended, Outcome
from llminit.worker_processes import error_text

KEPT_BYTES = 2**30
"""About as much as is kept of initial embeddings, and again of baselines that are parts of mixtures."""


def without_test(dataset: Dataset, config: FitConfig, seed: int) -> HeldOut:
    """Return a split whose test part is empty.

    Raises:
        InputError: It has no validation interactions.
    """
    split = split_interactions(dataset, config.splitting, seed)
    if not len(split.valid):
        raise InputError(
            f"the {config.split} split has no validation interactions to tune on, expected at least one; users need 3 "
            "interactions to have one held out, and a split by shares a valid_share above 0"
        )
    return HeldOut(dataset, Split(split.train, split.valid, dataset.interactions.take([])))


class TrialRunner:
    """Runs the trials of one process, and keeps between them what many need.

    Args:
        dataset: The data.
        text: Text embeddings, one row an item; None without text.
        base: The options that all trials share.
        n_splits: How many splits a trial is averaged over.
        device: A torch device.
    """

    def __init__(
        self, dataset: Dataset, text: TextEmbeddings | None, base: FitConfig, n_splits: int, device: str
    ) -> None:
        self.text, self.base, self.n_splits, self.device = text, base, n_splits, device
        self._chosen: dict[tuple[int, str, str], dict[str, Any]] = {}
        self._reporter: Reporter = SILENT
        self.held_out = lru_cache(maxsize=n_splits)(partial(without_test, dataset, base))
        n_nodes, width = dataset.n_users + dataset.n_items, 512 if text is None else text.width
        self._initial = lru_cache(maxsize=max(1, KEPT_BYTES // (4 * width * n_nodes)))(self._made_initial)
        self._baseline = lru_cache(maxsize=max(1, KEPT_BYTES // (4 * dataset.n_items**2)))(self._fitted_baseline)

    def run(self, config: FitConfig, ask: AskAfterEpoch, reporter: Reporter = SILENT) -> Outcome:
        """Run a trial.

        Args:
            config: Its options.
            ask: Is asked after every evaluated epoch of the first split whether to go on.
            reporter: Receives the progress of each training.

        Returns:
            How it ended; an error is an outcome too.

        Raises:
            StorageError: What it is asked after an epoch cannot be recorded.
        """
        started, self._reporter = time.perf_counter(), reporter
        outcome = Outcome("failed")
        values: list[float] = []
        try:
            for index in range(self.n_splits):
                one = config.model_copy(update={"seed": config.seed + index})
                learned = self._learn(one, ask if index == 0 else None, reporter)
                values.append(self._measured(learned, one))
                outcome = replace(
                    outcome,
                    values=list(values),
                    best_epochs=[*outcome.best_epochs, learned.best_epoch],
                    chosen=learned.options if index == 0 else outcome.chosen,
                )
            outcome = replace(outcome, state="finished", value=sum(values) / len(values))
        except StorageError:  # Of the search, which hears of every epoch.
            raise
        except Ended as ended:
            outcome = replace(outcome, state="pruned" if ended.word == "prune" else "stopped")
        except Exception as error:  # noqa: BLE001 - one trial that fails does not end the search
            outcome = replace(outcome, state="failed", error=error_text(error))
        return replace(outcome, seconds=time.perf_counter() - started)

    def _learn(self, config: FitConfig, ask: AskAfterEpoch | None, reporter: Reporter) -> Learned:
        def after_epoch(record: EpochRecord) -> None:
            if ask is not None and record.valid is not None:
                word = ask(record.epoch, record.valid)
                if word != "go on":
                    raise Ended(word)

        def learn_part(part: FitConfig) -> Learned:
            if is_baseline(part.backbone):
                return self._baseline(part.seed, part.backbone, json.dumps(part.backbone_options, sort_keys=True))
            return learn(
                self.held_out(part.seed),
                self.text,
                part,
                device=self.device,
                reporter=reporter,
                after_epoch=after_epoch,
                make_initial=lambda _held_out, _text, of: self._initial(of.seed, of.init, of.embedding_size),
            )

        if config.backbone == MIXTURE:
            return learn_mixture(self.held_out(config.seed), config, learn_part, reporter)
        return learn_part(config)

    def _measured(self, learned: Learned, config: FitConfig) -> float:
        """Return the metric of the whole model, with all that it chose, on the validation interactions."""
        held_out = self.held_out(config.seed)
        ranks = ranks_under(config.valid_protocol, learned.scorer, held_out.valid, held_out.seen_at_valid)
        return float(mean_metric(ranks, config.valid_metric))

    def _made_initial(self, seed: int, init: str, embedding_size: int) -> InitialEmbeddings:
        options = {"seed": seed, "init": init, "embedding_size": embedding_size}
        return initial_from(self.held_out(seed), self.text, self.base.model_copy(update=options))

    def _fitted_baseline(self, seed: int, name: str, options: str) -> Learned:
        """Fit a baseline; the options that validation chose are kept even where the baseline itself is too large."""
        chosen = self._chosen.get((seed, name, options), json.loads(options))
        config = self.base.model_copy(update={"seed": seed, "backbone": name, "backbone_options": chosen})
        learned = learn(self.held_out(seed), self.text, config, device=self.device, reporter=self._reporter)
        self._chosen[seed, name, options] = learned.options
        return learned
