"""Measurements, and the demo: run each with `python -m benchmarks.NAME`."""
