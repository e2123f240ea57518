"""The baselines, one file each: models without gradients that every gain should be compared with."""
