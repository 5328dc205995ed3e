-- Whether a run's name is taken.
SELECT EXISTS (SELECT FROM trackstar.run WHERE name = %(name)s);
