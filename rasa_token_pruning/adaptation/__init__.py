"""Encoders made to fit: to an assistant's own examples."""
