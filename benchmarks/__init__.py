"""How long things take, as ratios from one run: `python -m benchmarks`."""
