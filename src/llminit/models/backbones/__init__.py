"""The backbones, one file each: models that are trained from initial embeddings."""
