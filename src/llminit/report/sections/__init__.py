"""The sections of a report, one file each: plain data made from the results, None if there is nothing to show."""
