"""The parts of docs/results.md, each made from result files by fixed rules."""
