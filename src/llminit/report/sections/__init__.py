"""The sections of a report, one file each: from the results to plain data, None where there is nothing to show."""
