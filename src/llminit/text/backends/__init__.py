"""Encoders that can be opened by a SPEC, one file each; see `llminit.text.encoder.ENCODERS`."""
