"""Benchmarks: every figure is a ratio to a floor that is measured interleaved in the same run."""
