-- The documents that influence a stored query most, of all that an encoding has. $1 query, $2 how many, $3 encoding.
SELECT rank, influence, document_id, corpus, external_id, text
FROM tda.nearest($1::bigint, $2::integer, encoding => nullif($3::text, ''));
