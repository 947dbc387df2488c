"""What can be wrong with training data or stored files."""


class ClassifierError(ValueError):
    """Training data that cannot be learnt from, or stored files that cannot be used. The message says the way out."""
