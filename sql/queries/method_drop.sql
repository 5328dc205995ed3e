-- Drop a user's method.
DELETE FROM trackstar.method WHERE name = %(name)s AND NOT is_builtin;
