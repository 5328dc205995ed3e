-- The signs of the gradients that stand on some pages.
INSERT INTO trackstar.{signs} (encoding_id, document_id, signs)
SELECT encoding_id, document_id, trackstar.signs(gradient, (SELECT trackstar.signs_threshold({dimension})))
FROM trackstar.{partition}
WHERE ctid >= {first}::tid AND ctid < {end}::tid;
