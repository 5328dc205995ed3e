"""Roles of the server that this code names."""

READER = "tda_reader"
"""May read the schema tda, and nothing else; whoever else may is a member of it."""
