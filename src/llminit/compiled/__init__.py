"""Every numba kernel, and whole training steps made of them; each has a slow twin in tests/oracles.py."""
