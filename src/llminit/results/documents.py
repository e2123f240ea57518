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
        extra: More values, which `read_document` returns through its `extra`.

    Raises:
        StorageError: It cannot be written.
    """
    content = {"format": FORMAT, **record.model_dump(mode="json"), "extra": extra or {}}
    content["checksum"] = sha256_of_json(content, ensure_ascii=False)
    # One line for each field: short files that people can read and compare.
    lines = (f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in content.items())
    with replacing_file(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_document(path: Path, kind: type[C], remedy: str, extra: dict[str, Any] | None = None) -> C:
    """Read what `write_document` wrote.

    Args:
        path: The file.
        kind: The record's class.
        remedy: What to do about a damaged file; the end of the error message.
        extra: Updated with the values that were written with the record.

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
            f"{path} has format version {version!r}, this llminit reads version {FORMAT}; use the version that wrote "
            "it, or compare into another folder"
        )
    checksum = content.pop("checksum", None)
    if checksum != sha256_of_json({"format": version, **content}, ensure_ascii=False):
        raise ArtefactError(f"{path} does not match its checksum; {remedy}")
    stored_extra = content.pop("extra", {})
    if extra is not None:
        extra.update(stored_extra)
    try:
        return kind(**content)
    except ValidationError as error:
        raise ArtefactError(f"{path} cannot be read ({error.errors()[0]['msg']}); {remedy}") from error
