"""Gradients of examples, from a model to the stored vector; pure torch, no database.

model → layers (which weights) → tokens, batching (which examples) → backward, capture (A and D of each
weight) → projection, second_moment → autocorrelation → encoder (all of it together)

Without a projection: capture → kronecker (the curvature, fitted) → low_rank (queries behind it, against documents)
"""
