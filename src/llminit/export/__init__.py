"""Handing a recommender to other libraries: `export` writes its embeddings as they read them."""

from llminit.export.content import FORMS, Content
from llminit.export.run import export
from llminit.export.target import TARGETS, Client, Target

__all__ = ["FORMS", "TARGETS", "Client", "Content", "Target", "export"]
