"""Evaluation: metrics of runs, their charts, and retraining."""
