"""Paired tests, corrections and intervals on arrays of per-user scores; nothing here knows of methods or files."""
