"""Training one model over several processes and machines, by torch.distributed.

`joining.joined` makes the group of ranks, and `job` trains in it. Nothing is imported here, so that a fit in one
process loads no more than it did.
"""
