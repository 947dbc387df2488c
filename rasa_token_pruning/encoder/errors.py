"""The errors of the encoder."""


class EncoderError(ValueError):
    """A wrong option, or a model that is missing, damaged or not supported. The message says the way out."""


class TooLittleMemory(EncoderError):
    """An encoder that may be whole, but does not fit into the memory that the process may use."""
