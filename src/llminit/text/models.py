"""Finding a model by name or path, and identifying its version."""

from dataclasses import dataclass
from pathlib import Path

from llminit.checksums import sha256_of, sha256_of_file
from llminit.errors import EmbeddingError, EndpointError

HUB_SECONDS = 10
HUB_MARKERS = ("modules.json", "config.json")
OTHER_FORMATS = frozenset({"onnx", "openvino"})


@dataclass(frozen=True)
class Model:
    """A model in a folder or on the model hub."""

    location: str
    """A folder, or a name on the model hub."""
    state: str
    """Changes whenever the vectors may change: a commit of the hub, or a digest of the folder's files."""
    on_hub: bool
    """Whether `location` is a name on the model hub."""


def find_model(name_or_path: str, revision: str | None = None) -> Model:
    """Find a model in a folder, in the local copy of the hub, or on the hub.

    Args:
        name_or_path: A folder, or OWNER/NAME on the hub.
        revision: A branch, tag or commit on the hub.

    Raises:
        EmbeddingError: There is no such folder, or the hub knows no such model.
        EndpointError: The hub cannot be reached and there is no local copy.
    """
    folder = _folder(name_or_path)
    if folder is not None:
        return Model(str(folder), digest_of_folder(folder), on_hub=False)
    commit = _local_commit(name_or_path, revision) or _hub_commit(name_or_path, revision)
    return Model(name_or_path, commit, on_hub=True)


def digest_of_folder(folder: Path) -> str:
    """Return a digest of the names and bytes of a model's files, without documentation and hidden files."""
    lines = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") or part in OTHER_FORMATS for part in relative.parts)
        if path.is_file() and not hidden and path.suffix != ".md":
            lines.append(f"{relative.as_posix()} {sha256_of_file(path)}\n")
    return sha256_of(*lines)


def cannot_load(name: str, error: Exception) -> EmbeddingError:
    """Return the error for a model that exists but cannot be loaded or run."""
    reason = " ".join(str(error).split())[:300]
    return EmbeddingError(
        f"the model {name!r} cannot be used: {type(error).__name__}: {reason}; check that it is a complete model of "
        "this kind, that the options suit it, and that there is enough memory"
    )


def _folder(name_or_path: str) -> Path | None:
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return path
    looks_like_path = path.is_absolute() or name_or_path.startswith((".", "~")) or name_or_path.count("/") > 1
    if looks_like_path or "\\" in name_or_path or path.exists():
        found = "a file" if path.exists() else "nothing"
        raise EmbeddingError(f"found {found} at {path}, expected a folder with a model; check the path")
    return None


def _local_commit(name: str, revision: str | None) -> str | None:
    """Return the commit of the local copy of a hub model, or None without a copy."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in HUB_MARKERS:
        try:
            path = try_to_load_from_cache(name, file, revision=revision)
        except HFValidationError as error:
            raise EmbeddingError(
                f"{name!r} is neither an existing folder nor a name on the model hub ({error}); check the name"
            ) from error
        if isinstance(path, str):
            return Path(path).parent.name
    return None


def _hub_commit(name: str, revision: str | None) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = HfApi().model_info(name, revision=revision, timeout=HUB_SECONDS)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        label = name if revision is None else f"{name} at revision {revision}"
        raise EmbeddingError(
            f"the model hub has no model {label}, or it is private; check the name, or give the path of a folder"
        ) from error
    except Exception as error:
        raise EndpointError(
            f"the model {name!r} is not on this machine, and the model hub cannot be reached "
            f"({type(error).__name__}); connect, give the path of a folder, or use the encoder minilm, which needs "
            "no model hub"
        ) from error
    return str(info.sha)
