"""Scripts that are copied beside an export, to be run in the environment of another library."""
