-- How many gradients an encoding has.
SELECT count(*) FROM trackstar.encoded_document WHERE encoding_id = %(encoding_id)s AND outcome = 'stored';
