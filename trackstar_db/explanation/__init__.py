"""Explanations: what in a document carried its influence."""
