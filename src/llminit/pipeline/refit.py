"""Learning once more from everything, when the model has been measured.

What was measured has never seen the interactions that were held out: of many users their newest ones. What is saved
has. Validation chose how long to train. More interactions make more steps an epoch, so the number of epochs is scaled
to keep the number of steps.
"""

from llminit.config import FitConfig
from llminit.data import Dataset, HeldOut, Split
from llminit.pipeline.learned import Learned


def everything(dataset: Dataset) -> HeldOut:
    """Return a data set that is all training interactions."""
    nothing = dataset.interactions.take([])
    return HeldOut(dataset, Split(dataset.interactions, nothing, nothing))


def refit_config(config: FitConfig, measured: Learned, held_out: HeldOut, n_all: int) -> FitConfig:
    """Return the options with which to learn from everything: what validation chose is fixed.

    Args:
        config: The options that the model was measured with.
        measured: The model.
        held_out: The data that it was measured on.
        n_all: How many interactions everything is.
    """
    if measured.best_epoch is None:
        return config.model_copy(update={"backbone_options": measured.options})
    epochs = refit_epochs(measured.best_epoch, len(held_out.split.train), n_all, config.train_batch_size)
    return config.model_copy(update={"epochs": epochs, "backbone_options": config.backbone_options | measured.options})


def refit_epochs(best_epoch: int, n_train: int, n_all: int, batch_size: int) -> int:
    """Return for how many epochs to train on all interactions.

    Args:
        best_epoch: The epoch that validation chose; 0 for no training.
        n_train: Training interactions that it was chosen with.
        n_all: All interactions.
        batch_size: Interactions a step.

    Returns:
        About as many steps' worth of epochs, at least 1 where there was any training.
    """
    if not best_epoch:
        return 0
    steps, steps_of_all = -(-n_train // batch_size), -(-n_all // batch_size)
    return max(1, round(best_epoch * steps / steps_of_all))
