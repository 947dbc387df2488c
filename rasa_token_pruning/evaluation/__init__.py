"""Measures what the encoder and the classifier are worth. Knows nothing of Rasa."""
