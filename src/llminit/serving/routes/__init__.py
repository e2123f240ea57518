"""The routes, a file for what belongs together."""
