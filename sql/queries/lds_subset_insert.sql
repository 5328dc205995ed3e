-- A subset that a model was trained on.
INSERT INTO trackstar.retrained_subset (retraining_id, subset, document_ids)
VALUES (%(retraining_id)s, %(subset)s, %(document_ids)s);
