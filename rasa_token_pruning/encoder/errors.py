"""The error of the encoder."""


class EncoderError(ValueError):
    """A wrong option, or a model that is missing, damaged or not supported. The message says the way out."""
