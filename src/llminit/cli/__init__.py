"""The command line; only here does anything print, exit, or read arguments and the environment."""
