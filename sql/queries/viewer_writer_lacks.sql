-- Who is to write labels by hand, what that login lacks for it, and what would give it the rights of the tables' owner.
SELECT current_user::text AS writer,
       CASE WHEN has_schema_privilege(labels.relnamespace, 'USAGE') THEN '{}' ELSE ARRAY['USAGE on schema trackstar'] END
       || ARRAY(SELECT format('%%s on trackstar.%%s', needed.privilege, needed.name)
                FROM (VALUES ('entailment_label', 'SELECT'), ('entailment_label', 'INSERT'),
                             ('entailment_label', 'UPDATE'), ('entailment_label', 'DELETE'), ('query', 'SELECT'),
                             ('document', 'SELECT'), ('run', 'SELECT'), ('load', 'SELECT')) needed (name, privilege)
                JOIN pg_class c ON c.relname = needed.name AND c.relnamespace = labels.relnamespace
                WHERE NOT has_table_privilege(c.oid, needed.privilege))
       || CASE WHEN has_database_privilege(current_database(), 'TEMPORARY') THEN '{}'
               ELSE ARRAY['TEMPORARY on the database'] END
       || CASE WHEN row_security_active(labels.oid) THEN ARRAY['writing past row-level security'] ELSE '{}' END
       || CASE WHEN current_setting('transaction_read_only')::boolean THEN ARRAY['transactions that write'] ELSE '{}' END
           AS lacks,
       format('GRANT %%I TO %%I;', pg_get_userbyid(labels.relowner), current_user) AS advice
FROM pg_class labels
WHERE labels.relname = 'entailment_label' AND labels.relnamespace = 'trackstar'::regnamespace;
