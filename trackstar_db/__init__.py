"""Trace a language model's predictions to the training documents that influenced them, in PostgreSQL."""

__version__ = "0.1.0"
