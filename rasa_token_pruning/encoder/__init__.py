"""Text in, embeddings out: a sentence encoder that drops unimportant tokens while it runs. Knows nothing of Rasa."""
