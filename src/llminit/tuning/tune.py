"""`tune`: searches for the options of `fit` that are best on the validation interactions."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llminit.checksums import sha256_of, sha256_of_file
from llminit.errors import ConfigError, MissingExtraError
from llminit.out_paths import check_out_file
from llminit.pipeline.parts import named_parts
from llminit.pipeline.prepared import PreparedData
from llminit.progress import Reporter, rough_duration
from llminit.reporters import automatic_reporter
from llminit.storage import remove_leftovers, replacing_file
from llminit.training import checked_device
from llminit.tuning.config import TuneConfig
from llminit.tuning.prepare import Given, Prepared, can_be_shared, check_options, named_inputs, prepare
from llminit.tuning.result import Trial, Tuned
from llminit.tuning.runner import TrialRunner
from llminit.worker_processes import n_cores

if TYPE_CHECKING:
    from llminit.tuning.study import Search, SearchFile


def tune(
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    cache: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    workers: int = 1,
    device: str = "cpu",
    config: TuneConfig | None = None,
    reporter: Reporter | None = None,
    **options: Any,
) -> Tuned:
    """Search for the options of `fit` that are best on the validation interactions.

    The presets' models are tried first, so that the result is never worse on validation than they; then Optuna's TPE
    chooses by what the trials before gave, and a trial that is worse than three in four finished ones were after as
    many epochs is ended. The test interactions are never used.

    With `out`, the search is kept beside it: a killed call, made again, goes on, and with more trials it is extended.
    With one worker and no limit of time the result is that of an undisturbed search, whatever was killed; with several
    it depends on which trial ends first.

    Args:
        interactions: A path (CSV, TSV, Parquet, JSON Lines, RecBole atomic) or a pandas, polars or Arrow table.
        items: The same, for the item table. Without it and without `embeddings`, models start at random.
        embeddings: Text embeddings: a path, or a pair of ids and an array of shape (n, D).
        encoder: An encoder's SPEC or an object with its methods, for the texts of `items`; by default `minilm`.
        cache: Folder where encoded texts are kept.
        out: TOML file for the best options, which `llminit fit --config` takes.
        overwrite: Replace a file that is there and was not written by this search, and begin the search anew.
        workers: Trials that run side by side, each in a process of its own; 1 runs them in this one.
        device: A torch device, "cpu" or "cuda".
        config: All options at once, instead of `options`.
        reporter: Receives progress; by default bars in a terminal or notebook, and elsewhere the logger `llminit`.
        options: Fields of `TuneConfig`, such as `trials=50`, `min_rating=4`. Options of `fit` that are named are not
            searched.

    Returns:
        The best options, to be given to `fit` as `config`, and all trials.

    Raises:
        InputError: Something given cannot be used, the stored search is of something else, or all trials failed.
        MissingExtraError: The extra `tune` is not installed.
        StorageError: `out` cannot be written, or another search is running there.
    """
    check_extra()
    from llminit.tuning.study import Search, SearchFile, quiet_optuna

    reporter = automatic_reporter(reporter)
    asked = TuneConfig.from_options(config, named_parts(options))
    given = Given(interactions, items, embeddings, encoder, cache)
    _check(asked, workers, device)
    file = None if out is None else SearchFile(Path(out))
    if file is not None:
        _check_out(file, given, overwrite=overwrite)
    with quiet_optuna(), nullcontext() if file is None else file.reserved():
        prepared = prepare(given, asked, reporter)
        search = Search(file, prepared.space, prepared.asked, prepared.header, overwrite=overwrite)
        if file is not None and not overwrite:
            _check_ours(file.out, search)
        reporter.note(_plan(search, prepared))
        _run(search, prepared, file, workers, device, reporter)
        tuned = _result(search, prepared, named_inputs(given, prepared.source))
        if file is not None:
            _write(tuned, file.out, search)
        return tuned


def check_extra() -> None:
    """Check, without importing it, that the package of the extra `tune` is installed.

    Raises:
        MissingExtraError: It is not.
    """
    if util.find_spec("optuna") is None:
        raise MissingExtraError("a search for options", "tune", ("optuna",))


def _check(asked: TuneConfig, workers: int, device: str) -> None:
    """Check the options before any work."""
    check_options(asked)
    checked_device(device)
    if workers < 1:
        raise ConfigError(f"workers={workers} cannot be used, expected at least 1")


def _check_out(file: "SearchFile", given: Given, *, overwrite: bool) -> None:
    """Check that the results can be written, and that nothing else would be lost."""
    check_out_file(file.out, given.files)
    check_out_file(file.path, given.files)
    if file.out.exists() and not file.path.exists() and not overwrite:
        raise ConfigError(
            f"{file.out} exists and no search is beside it, expected nothing there; choose another path or pass "
            "overwrite"
        )


def _check_ours(out: Path, search: "Search") -> None:
    """Check that a file of options that is there is one that this search has written.

    Raises:
        ConfigError: It is not, or was changed since.
    """
    if out.exists() and sha256_of_file(out) not in search.written:
        raise ConfigError(
            f"{out} was not written by the search beside it, or was changed since; move it away, choose another path, "
            "or pass overwrite to search anew"
        )


def _plan(search: "Search", prepared: Prepared) -> str:
    """Return what is going to be done, in one line."""
    asked = prepared.asked
    last = asked.seed + asked.seeds - 1
    splits = f"the split of seed {asked.seed}" if asked.seeds == 1 else f"the splits of seeds {asked.seed} to {last}"
    limit = "" if asked.seconds is None else f", for at most {rough_duration(asked.seconds)}"
    n_settled = search.total - search.n_left
    there = f"; {n_settled} of them are there already" if n_settled else ""
    first = ", ".join(trial.label for trial in prepared.space.first)
    return f"searching with {search.total} trials on {splits}{limit}{there}; tried first: {first}"


def _run(
    search: "Search", prepared: Prepared, file: "SearchFile | None", workers: int, device: str, reporter: Reporter
) -> None:
    """Run trials until the budget is spent."""
    from llminit.tuning.loop import WorkerOptions, run_here, run_in_workers

    base, n_splits, parts = prepared.space.base, prepared.asked.seeds, prepared.parts
    workers = min(workers, search.n_left)
    if workers > 1 and not can_be_shared(parts):
        reporter.note(
            "a part is defined where no other process can import it, so all trials run in this one; define it at the "
            "top of a module to use workers"
        )
        workers = 1
    if workers <= 1:
        run_here(search, TrialRunner(prepared.dataset, prepared.text, base, n_splits, device), reporter)
        return
    with _work_folder(file) as work:
        texts = {} if prepared.text is None else {"text": prepared.text}
        PreparedData(prepared.dataset, texts).save(work)
        with replacing_file(work / "base.json") as temporary:
            temporary.write_text(base.model_dump_json(), encoding="utf-8")
        options = WorkerOptions(str(work), n_splits, device, max(1, n_cores() // workers), parts)
        run_in_workers(search, workers, options, reporter)


@contextmanager
def _work_folder(file: "SearchFile | None") -> Iterator[Path]:
    """Give a folder for the workers' data, which goes when the block ends; what a killed call left there goes too."""
    if file is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    shutil.rmtree(file.work, ignore_errors=True)
    try:
        file.work.mkdir(parents=True)
        yield file.work
    finally:
        shutil.rmtree(file.work, ignore_errors=True)


def _result(search: "Search", prepared: Prepared, inputs: dict[str, Any]) -> Tuned:
    """Return what was found.

    Raises:
        ConfigError: All trials failed.
    """
    trials = [
        Trial(
            position=settled.user_attrs["position"],
            label=settled.user_attrs["label"],
            values=settled.user_attrs["values"],
            **{
                name: settled.user_attrs["outcome"][name]
                for name in ("state", "value", "seconds", "error", "best_epochs", "chosen")
            },
        )
        for settled in search.settled()
    ]
    best = search.best()
    if best is None:
        reasons = [f"{trial.label or trial.position}: {trial.error}" for trial in trials if trial.error]
        raise ConfigError(
            f"all {len(trials)} trials failed, expected one at least to finish; the first, {reasons[0]}"
            if reasons
            else "no trial was run, expected one at least; raise trials"
        )
    (found,) = (trial for trial in trials if trial.position == best.user_attrs["position"])
    found_config = prepared.space.config(found.values)
    return Tuned(found_config, found, prepared.asked.valid_metric, trials, search.seconds, inputs)


def _write(tuned: Tuned, out: Path, search: "Search") -> None:
    """Write the best options; that this search wrote them is known before they are there."""
    search.note_written(sha256_of(tuned.toml()))
    tuned.to_toml(out)
    remove_leftovers(out)
