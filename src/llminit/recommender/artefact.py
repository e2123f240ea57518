"""A saved artefact: a folder of safetensors, Parquet and JSON with a manifest; never pickle.

    NAME/
        manifest.json        what it is, its versions, and the size and SHA-256 of every other file
        *.safetensors        arrays
        *.parquet            tables
        *.json               documents

The manifest is written last and the folder moved into place as a whole, so a folder with a manifest is complete.
"""

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from llminit.arrays import AnyArray
from llminit.checksums import sha256_of_file
from llminit.errors import ArtefactError
from llminit.storage import replacing_folder

MANIFEST = "manifest.json"
_TRIES = 3


@dataclass(frozen=True)
class Artefact:
    """The contents of a folder, by file name without its ending.

    Attributes:
        kind: What the folder holds, such as "recommender".
        arrays: One dictionary of arrays a safetensors file.
        tables: One table a Parquet file.
        documents: One JSON value a JSON file.
        files: Files that are copied as they are when the folder is written, and not read with it: paths by name.
        sha256: The checksums of these files, by name; of a folder that was read.
    """

    kind: str
    arrays: dict[str, dict[str, AnyArray]] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)


def write_artefact(
    folder: Path, artefact: Artefact, software_version: str, layout_version: int = 1, earlier: Collection[str] = ()
) -> None:
    """Write an artefact as a folder, replacing what is there as a whole.

    Args:
        folder: Where to write.
        artefact: What to write.
        software_version: Of the package that writes.
        layout_version: Of this kind of artefact; a newer one cannot be read by older packages.
        earlier: Names of files that an earlier artefact of this kind may have left there.

    Raises:
        StorageError: It cannot be written; what was there before is untouched.
    """
    with replacing_folder(folder, earlier) as temporary:
        for name, arrays in artefact.arrays.items():
            # safetensors writes the memory as it lies: an array in another order would come back scrambled.
            in_order = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
            save_file(in_order, temporary / f"{name}.safetensors")
        for name, table in artefact.tables.items():
            table.write_parquet(temporary / f"{name}.parquet")
        for name, document in artefact.documents.items():
            _write_json(temporary / f"{name}.json", document)
        for name, path in artefact.files.items():
            shutil.copyfile(path, temporary / name)
        files = {
            file.name: {"bytes": file.stat().st_size, "sha256": sha256_of_file(file)}
            for file in sorted(temporary.iterdir())
        }
        manifest = {"kind": artefact.kind, "layout_version": layout_version, "llminit_version": software_version}
        _write_json(temporary / MANIFEST, manifest | {"files": files})


def read_artefact(folder: Path, kind: str, layout_version: int = 1, unread: Collection[str] = ()) -> Artefact:
    """Read an artefact and check every file against the manifest.

    A folder that is replaced by another while it is read is read once more.

    Args:
        folder: The folder.
        kind: What it has to hold.
        layout_version: The newest version that can be read.
        unread: Names of files that are not read, but named by `files`; only their sizes are checked.

    Raises:
        ArtefactError: The folder is not there, is of another kind or a newer version, or a file is missing or damaged.
    """
    for _ in range(_TRIES - 1):
        manifest = read_manifest(folder, kind, layout_version)
        try:
            return _read(folder, kind, manifest, unread)
        except ArtefactError:
            if read_manifest(folder, kind, layout_version) == manifest:
                raise
    return _read(folder, kind, read_manifest(folder, kind, layout_version), unread)


def _read(folder: Path, kind: str, manifest: dict[str, Any], unread: Collection[str]) -> Artefact:
    artefact = Artefact(kind)
    for name, expected in manifest["files"].items():
        path = folder / name
        try:
            if name in unread:
                _check_size(path, expected)
                artefact.files[name], artefact.sha256[name] = path.absolute(), expected["sha256"]
                continue
            _check_file(path, expected)
            _load_file(path, artefact)
        except (OSError, SafetensorError, PolarsError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, ArtefactError):
                raise
            raise ArtefactError(f"{path} cannot be read ({error!r}); restore the folder or make it anew") from error
    return artefact


def read_manifest(folder: Path, kind: str, layout_version: int = 1) -> dict[str, Any]:
    """Read a folder's manifest.

    Raises:
        ArtefactError: There is none, it is not readable, or it is of another kind or a newer version.
    """
    try:
        if not folder.is_dir():
            raise ArtefactError(f"there is no folder {folder}, expected a saved {kind}; check the path")
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        found_kind, version, _ = manifest["kind"], int(manifest["layout_version"]), manifest["files"].items()
    except FileNotFoundError as error:
        raise ArtefactError(f"{folder} has no {MANIFEST}, so it is not a saved {kind}; check the path") from error
    except PermissionError as error:
        raise ArtefactError(f"{folder} cannot be read ({error}); check the path and its permissions") from error
    except (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ArtefactError):
            raise
        raise ArtefactError(
            f"{folder / MANIFEST} is damaged ({error!r}); restore the folder or make it anew"
        ) from error
    if version > layout_version:
        raise ArtefactError(
            f"{folder} has layout version {version}, written by llminit {manifest.get('llminit_version')}; this "
            f"llminit reads up to {layout_version}; upgrade it: pip install --upgrade llminit"
        )
    if found_kind != kind:
        raise ArtefactError(f"{folder} holds a {found_kind}, expected a {kind}; check the path")
    return manifest


def _load_file(path: Path, artefact: Artefact) -> None:
    if path.suffix == ".safetensors":
        artefact.arrays[path.stem] = load_file(path)
    elif path.suffix == ".parquet":
        artefact.tables[path.stem] = pl.read_parquet(path)
    else:
        artefact.documents[path.stem] = json.loads(path.read_text(encoding="utf-8"))


def _check_file(path: Path, expected: dict[str, Any]) -> None:
    _check_size(path, expected)
    if sha256_of_file(path) != expected["sha256"]:
        raise ArtefactError(
            f"{path} does not match its checksum; it was damaged or changed: restore the folder or make it anew"
        )


def _check_size(path: Path, expected: dict[str, Any]) -> None:
    if not path.is_file():
        raise ArtefactError(f"{path} is missing though the manifest names it; restore the folder or make it anew")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise ArtefactError(
            f"{path} has {size} bytes, expected {expected['bytes']}; it was cut short or changed: restore the folder "
            "or make it anew"
        )


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
