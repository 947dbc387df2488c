"""The graph components: the only files that know Rasa."""
