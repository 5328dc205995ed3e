"""Judges: what is said of proponents by models, by strings and by one step of training."""
