-- How many documents are encoded, and how many of them have a norm under the task.
SELECT (SELECT count(*) FROM trackstar.encoded_document WHERE encoding_id = %(encoding_id)s AND outcome = 'stored'),
       (SELECT count(*) FROM trackstar.task_document WHERE task_id = %(task_id)s);
