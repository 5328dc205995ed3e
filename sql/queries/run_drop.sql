-- One run and its proponents, gone.
DELETE FROM trackstar.run WHERE name = %(name)s RETURNING run_id;
