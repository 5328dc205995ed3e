-- Documents that have some words, best first, with the part of the text around the first of them.
SELECT f.document_id, f.corpus, f.external_id,
       substr(f.text, greatest(strpos(lower(left(f.text, 100000)), lower(%(first)s)) - %(before)s, 1), %(length)s) AS excerpt
FROM tda.search_documents(%(words)s, %(size)s, %(corpus)s) f
ORDER BY f.rank;
