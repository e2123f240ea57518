"""What one machine takes for the parts of the work: measured by `llminit plan --calibrate`, or shipped."""

from importlib.resources import files
from pathlib import Path

from platformdirs import user_config_path
from pydantic import Field, ValidationError

from llminit.config import Config
from llminit.errors import ConfigError
from llminit.storage import replacing_file

_SHIPPED = "constants.json"


class Constants(Config):
    """Measured constants.

    A step of b pairs, c columns and width d takes b c (d `product` + `logit`) + (b + c) d `row_value` + `step` seconds.
    """

    machine: str
    """The machine that they were measured on, in words."""
    date: str
    """The day that they were measured on."""
    threads: int = Field(ge=1)
    """Threads of the process that was measured."""
    product: float = Field(ge=0)
    """Seconds for each pair of a user and a column and each dimension: the three matrix products."""
    logit: float = Field(ge=0)
    """Seconds for each pair of a user and a column: exponential, sum and gradient."""
    row_value: float = Field(ge=0)
    """Seconds for each value of a row of the batch: reading it, Adam, and writing it and its moments."""
    step: float = Field(ge=0)
    """Seconds of every step besides."""
    interaction: float = Field(ge=0)
    """Seconds for each interaction of an epoch: its place in the order, and its codes."""
    base_bytes: float = Field(ge=0)
    """Memory of a process before it has any data."""
    texts_a_second: float = Field(gt=0)
    """Item texts that one process encodes a second, with the encoder in the wheel."""
    table_rows_a_second: float = Field(gt=0)
    """Rows a second of `llminit data prepare`."""
    statistics_bytes_a_second: float = Field(gt=0)
    """Bytes of text embeddings a second of the pass that a selector's statistics take."""


def constants_path() -> Path:
    """Return the user's own file, which `llminit plan --calibrate` writes; it need not exist."""
    return user_config_path("llminit", appauthor=False) / "plan-constants.json"


def read_constants(path: Path | None = None) -> Constants:
    """Return the constants of a file; without one, those of this machine if it was measured, else the shipped ones.

    Raises:
        ConfigError: The file cannot be read, or does not hold constants.
    """
    own = constants_path() if path is None else path
    if path is None and not own.is_file():
        return shipped_constants()
    try:
        return Constants.model_validate_json(own.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"cannot read the constants in {own}: {reason}; measure this machine again, or name another file of "
            "constants"
        ) from error


def shipped_constants() -> Constants:
    """Return the constants that came with the package."""
    return Constants.model_validate_json((files("llminit.plan") / _SHIPPED).read_text(encoding="utf-8"))


def write_constants(constants: Constants, path: Path) -> None:
    """Write constants as JSON.

    Raises:
        StorageError: The file cannot be written.
    """
    with replacing_file(path) as temporary:
        temporary.write_text(constants.model_dump_json(indent=1) + "\n", encoding="utf-8")
