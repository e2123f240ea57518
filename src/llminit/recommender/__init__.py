"""The fitted artefact: what answers "what next?", and the folder that it is saved to."""

from llminit.recommender.recommender import FILES, KIND, Recommender

__all__ = ["FILES", "KIND", "Recommender"]
