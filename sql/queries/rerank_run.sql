-- How many documents a run keeps of each query, and how many it ranked.
SELECT top_k, document_count FROM trackstar.run WHERE name = %(run)s;
