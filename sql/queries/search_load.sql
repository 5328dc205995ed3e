-- How far the search for a run came, and the digest of what its answer depends on.
SELECT digest, passes_done, spans_read, documents_read FROM trackstar.search WHERE run = %(run)s;
