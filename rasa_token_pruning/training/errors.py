"""What can be wrong about a training."""


class TrainingError(ValueError):
    """A training cannot begin or go on. The message says the way out."""
