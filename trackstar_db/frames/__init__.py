"""Arrow tables out of the database, and files of them: views, answers of SQL, gradients."""
