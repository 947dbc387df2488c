"""Embeddings in, calibrated intents out. Knows neither torch nor Rasa."""
