"""Searching for the options of `fit` that are best on the validation interactions; `llminit.tuning.tune` begins it."""
