"""Item texts and their embeddings: templates, encoders, the cache on disk and files of embeddings."""

from llminit.text.cache import EncodingCache
from llminit.text.embeddings import TextEmbeddings
from llminit.text.encode import encode_items, encode_texts
from llminit.text.encoder import ENCODERS, Encoder, open_encoder
from llminit.text.engines import HERE, Engine
from llminit.text.precomputed import read_embeddings, write_embeddings
from llminit.text.template import check_template, default_template, render_texts

__all__ = [
    "ENCODERS",
    "HERE",
    "Encoder",
    "EncodingCache",
    "Engine",
    "TextEmbeddings",
    "check_template",
    "default_template",
    "encode_items",
    "encode_texts",
    "open_encoder",
    "read_embeddings",
    "render_texts",
    "write_embeddings",
]
