"""Last pass: the parts become shards of the final codes, and all of them a folder with a manifest."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import AnyArray, BoolArray
from llminit.checksums import sha256_of_file
from llminit.compiled.tables import core_mask
from llminit.config import FilterConfig
from llminit.data.out_of_core.folder import KIND, LAYOUT_VERSION, MANIFEST, digest_of
from llminit.data.out_of_core.parts import ITEMS, STARTS, TIMES, read_users
from llminit.data.out_of_core.runs import MISSING, float_values
from llminit.data.out_of_core.work import WorkFolder, mapped, write_array


@dataclass
class Result:
    """What the last pass has made.

    Attributes:
        folder: Where it is made.
        n_users: Number of users so far.
        n_interactions: Number of interactions so far.
        shards: What the manifest says of each shard.
        users: The users' ids so far.
    """

    folder: Path
    n_users: int = 0
    n_interactions: int = 0
    shards: list[dict[str, int]] = field(default_factory=list)
    users: list[pl.Series] = field(default_factory=list)


def write_result(
    work: WorkFolder,
    parts: Sequence[Path],
    items: pl.Series,
    filters: FilterConfig,
    kept_items: BoolArray | None,
    time_kind: str | None,
    request: Mapping[str, Any],
) -> Path:
    """Write the final folder in the work folder, and return its path.

    Args:
        work: Where to write.
        parts: Folders of parts.
        items: All items' ids, ascending.
        filters: The filters, for the manifest.
        kept_items: bool of shape (n_items,), the items of the k-core; None keeps everything.
        time_kind: "int" or "float", None without times.
        request: What the folder is made of, for the manifest.
    """
    dtype = _time_dtype(parts, filters.k_core, kept_items, time_kind)
    with work.new_folder("result") as folder:
        result = Result(folder)
        for part in parts:
            _write_shard(part, result, filters.k_core, kept_items, time_kind, dtype)
        ids = items if kept_items is None else items.filter(pl.Series(kept_items))
        for name, column in (("users", pl.concat(result.users)), ("items", ids)):
            column.rename("id").to_frame().write_parquet(folder / f"{name}.parquet")
        manifest = {
            "kind": KIND,
            "layout_version": LAYOUT_VERSION,
            "n_users": result.n_users,
            "n_items": len(ids),
            "n_interactions": result.n_interactions,
            "timestamps": dtype,
            "filters": filters.model_dump(include=set(FilterConfig.model_fields)),
            "shards": result.shards,
            "files": {path.name: _about(path) for path in sorted(folder.iterdir())},
            "request": dict(request),
        }
        manifest["digest"] = digest_of(manifest)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return work.path / "result"


def _write_shard(
    part: Path,
    result: Result,
    k_core: int,
    kept_items: BoolArray | None,
    time_kind: str | None,
    dtype: str | None,
) -> None:
    users, starts, items = read_users(part), mapped(part / STARTS), mapped(part / ITEMS)
    mask = None
    if kept_items is not None:
        mask, degrees = core_mask(starts, items, kept_items, k_core)
        is_kept = degrees > 0
        users = users.filter(pl.Series(is_kept))
        starts = np.concatenate([[0], np.cumsum(degrees[is_kept])]).astype(np.int64)
        new_codes = (np.cumsum(kept_items) - 1).astype(np.uint32)
        items = new_codes[items[mask]]
    if not len(users):
        return
    name = str(result.folder / f"shard-{len(result.shards):05}")
    _keep(part / STARTS, Path(f"{name}.indptr.npy"), None if mask is None else starts)
    _keep(part / ITEMS, Path(f"{name}.items.npy"), None if mask is None else items)
    if time_kind is not None:
        changed = mask is not None or dtype == "float64"
        _keep(part / TIMES, Path(f"{name}.timestamps.npy"), _times(part, mask, time_kind, dtype) if changed else None)
    result.shards.append({"first_user": result.n_users, "n_users": len(users), "n_interactions": len(items)})
    result.users.append(users)
    result.n_users += len(users)
    result.n_interactions += len(items)


def _keep(source: Path, target: Path, changed: AnyArray | None) -> None:
    """Write a changed array; one that is as the part has it is linked, or copied where links are not to be had."""
    if changed is not None:
        write_array(target, changed)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _times(part: Path, mask: BoolArray | None, kind: str, dtype: str | None) -> AnyArray:
    keys = mapped(part / TIMES)
    keys = keys if mask is None else keys[mask]
    if kind == "float":
        return float_values(keys)
    return np.where(keys == MISSING, np.nan, keys.astype(np.float64)) if dtype == "float64" else keys


def _time_dtype(parts: Sequence[Path], k: int, kept_items: BoolArray | None, kind: str | None) -> str | None:
    """Return the type of the times: float64 for floats, and where a kept one is missing; None without times."""
    if kind != "int":
        return None if kind is None else "float64"
    for part in parts:
        missing = mapped(part / TIMES) == MISSING
        if missing.any() and kept_items is not None:
            missing &= core_mask(mapped(part / STARTS), mapped(part / ITEMS), kept_items, k)[0]
        if missing.any():
            return "float64"
    return "int64"


def _about(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)}
