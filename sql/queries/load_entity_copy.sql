-- The entities that the facts of one part name, each once, in the order of their uris.
COPY pg_temp.load_entity (place, uri, label, aliases) FROM STDIN;
