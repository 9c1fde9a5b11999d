"""Parts of `benchmarks/label_shift.py`."""
