"""The baselines, one file each: models without a gradient that every gain should be compared with."""
