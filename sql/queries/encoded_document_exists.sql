-- Whether any document has a gradient under one of some encodings.
SELECT EXISTS (SELECT FROM trackstar.encoded_document
               WHERE encoding_id = ANY (%(encoding_ids)s) AND outcome = 'stored');
