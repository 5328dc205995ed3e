"""Scores of documents for queries without any gradient: words, embeddings, annotations."""
