"""The database: connections, the embedded server, the schema, named queries."""
