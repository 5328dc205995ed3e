-- Every method, with the settings by which the pipeline runs it.
CREATE OR REPLACE VIEW tda.method AS
SELECT m.name AS method, m.kind, m.second_moment, m.autocorrelation, m.is_unit_norm, m.loss,
       m.description, m.reference, m.is_builtin, m.position
FROM trackstar.method m;

COMMENT ON VIEW tda.method IS 'Methods of finding proponents, one row each: settings of one pipeline.';
COMMENT ON COLUMN tda.method.method IS 'Name of the method.';
COMMENT ON COLUMN tda.method.kind IS
    'What is compared: gradient (stored encodings), curvature (EK-FAC), lexical, embedding, annotation.';
COMMENT ON COLUMN tda.method.second_moment IS
    'Which encodings it is for: none (without V) or corrected (with V); empty without gradients.';
COMMENT ON COLUMN tda.method.autocorrelation IS
    'R: none, of the corpus, or of the task (mixed with the queries'' own); empty without gradients.';
COMMENT ON COLUMN tda.method.is_unit_norm IS 'Whether it is a cosine (true) or an inner product (false).';
COMMENT ON COLUMN tda.method.loss IS 'What gradients are of: cross-entropy or margin.';
COMMENT ON COLUMN tda.method.description IS 'What it compares, in a sentence.';
COMMENT ON COLUMN tda.method.reference IS 'Where it was published.';
COMMENT ON COLUMN tda.method.is_builtin IS 'Whether it came with trackstar-db; others were added by a user.';
COMMENT ON COLUMN tda.method.position IS 'Place in a table of methods, the lowest first.';
