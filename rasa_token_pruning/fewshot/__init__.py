"""Embeddings in, calibrated intents and entities out. Knows neither torch nor Rasa."""
