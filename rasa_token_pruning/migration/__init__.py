"""From a config with DIET to one with this package's components: a text in, a text and notes out (no Rasa)."""
