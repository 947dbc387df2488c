"""What can go wrong."""


class TuningError(ValueError):
    """A search cannot be run or read. The message says the way out."""
