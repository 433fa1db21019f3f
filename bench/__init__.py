"""Benchmarks: every figure is a ratio of medians taken side by side in one run."""
