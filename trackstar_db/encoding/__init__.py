"""Encodings: frozen recipes, and the gradients that are stored under them."""
