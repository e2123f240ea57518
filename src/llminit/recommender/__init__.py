"""The fitted artefact: what answers "what next?", and the folder that it is saved to."""

from llminit.recommender.folding import FoldIn
from llminit.recommender.recommender import Recommender
from llminit.recommender.saving import FILES, KIND, LAYOUT_VERSION
from llminit.recommender.text_recipe import TextRecipe

__all__ = ["FILES", "KIND", "LAYOUT_VERSION", "FoldIn", "Recommender", "TextRecipe"]
