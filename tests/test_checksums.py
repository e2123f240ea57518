"""SHA-256 of files, parts and JSON."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from llminit.arrays import AnyArray
from llminit.checksums import sha256_of, sha256_of_file, sha256_of_json

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file(tmp_path: Path) -> None:
    """The digest is SHA-256 in hexadecimal (the known value of "abc")."""
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of_file(tmp_path / "abc") == ABC
    with pytest.raises(FileNotFoundError):
        sha256_of_file(tmp_path / "none")


def test_parts_are_one_sequence_of_bytes() -> None:
    """Text counts as UTF-8, and how the bytes are cut into parts makes no difference."""
    assert sha256_of("abc") == sha256_of(b"abc") == sha256_of("a", b"", "", b"bc") == ABC
    assert sha256_of("ü") == sha256_of(b"\xc3\xbc")
    assert sha256_of() == hashlib.sha256().hexdigest()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12)[::-2],
        np.array([True, False]),
        np.zeros((0, 4), dtype=np.float32),
        np.array(7),
        np.array(["2020-01-01"], dtype="datetime64[us]"),
    ],
    ids=["plain", "fortran", "strided", "bool", "empty", "scalar", "dates"],
)
def test_arrays_count_by_their_values(array: AnyArray) -> None:
    """An array gives the digest of its values in C order, however they lie in memory."""
    assert sha256_of("x", array) == sha256_of(b"x" + array.tobytes())


def test_json() -> None:
    """The order of keys makes no difference, the form of other characters does, and NaN is refused."""
    assert sha256_of_json({"b": 1, "a": [None]}, ensure_ascii=True) == sha256_of('{"a": [null], "b": 1}')
    assert sha256_of_json("ü", ensure_ascii=True) == sha256_of('"\\u00fc"')
    assert sha256_of_json("ü", ensure_ascii=False) == sha256_of('"ü"')
    with pytest.raises(ValueError, match="Out of range"):
        sha256_of_json(float("nan"), ensure_ascii=False)
