"""The sections of a report, one file each; each takes the loaded results and is None where it has nothing to show."""
