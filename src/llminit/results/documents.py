"""JSON documents with a format version and a checksum of their own content."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from llminit.checksums import sha256_of_json
from llminit.config import Config
from llminit.errors import ArtefactError
from llminit.storage import replacing_file

FORMAT = 1

C = TypeVar("C", bound=Config)


def write_document(path: Path, record: Config, extra: dict[str, Any] | None = None) -> None:
    """Write a record as JSON, replacing what is there as a whole.

    Args:
        path: The file.
        record: What is written.
        extra: More values, which `read_document` hands back beside the record.

    Raises:
        StorageError: It cannot be written.
    """
    content = {"format": FORMAT, **record.model_dump(mode="json"), "extra": extra or {}}
    content["checksum"] = sha256_of_json(content, ensure_ascii=False)
    # A line for each field: short files that people can still read and compare.
    lines = (f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in content.items())
    with replacing_file(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_document(path: Path, kind: type[C], remedy: str, extra: dict[str, Any] | None = None) -> C:
    """Read what `write_document` wrote.

    Args:
        path: The file.
        kind: The record's class.
        remedy: What a person can do about a damaged file.
        extra: Is given the values that were written beside the record.

    Raises:
        ArtefactError: The file is missing, damaged, changed or of another format version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("format")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"{path} cannot be read ({error!r}); {remedy}") from error
    if version != FORMAT:
        raise ArtefactError(
            f"{path} has format version {version!r}, this llminit reads version {FORMAT}; use the llminit that wrote "
            "it, or compare into another folder"
        )
    found = content.pop("checksum", None)
    if found != sha256_of_json({"format": version, **content}, ensure_ascii=False):
        raise ArtefactError(f"{path} does not match its checksum; {remedy}")
    beside = content.pop("extra", {})
    if extra is not None:
        extra.update(beside)
    try:
        return kind(**content)
    except ValidationError as error:
        raise ArtefactError(f"{path} cannot be read ({error.errors()[0]['msg']}); {remedy}") from error
