"""The parts of ``benchmarks/own_data.py``: real data sets, simple methods, default runs and their table."""
