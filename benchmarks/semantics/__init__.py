"""What meaning is lost with the tokens that are cut, and for whom: ``python -m benchmarks.semantics DATA``."""
