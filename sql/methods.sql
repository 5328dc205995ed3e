-- The methods of the field, each a row that one pipeline reads. Applied again after every upgrade; rows that a user
-- added under other names stay as they are.
INSERT INTO trackstar.method
    (name, kind, second_moment, autocorrelation, is_unit_norm, loss, description, reference, is_builtin,
     position)
VALUES
    ('tracin', 'gradient', 'none', 'none', false, 'cross-entropy',
     'Inner product of gradients.', 'Pruthi et al. 2020', true, 10),
    ('grad_cosine', 'gradient', 'none', 'none', true, 'cross-entropy',
     'Cosine of gradients.', 'Han & Tsvetkov 2022', true, 20),
    ('logra', 'gradient', 'none', 'corpus', true, 'cross-entropy',
     'Cosine of gradients decorrelated over the corpus.', 'Choe et al. 2024', true, 30),
    ('less', 'gradient', 'corrected', 'none', true, 'cross-entropy',
     'Cosine of gradients corrected by the optimizer''s second moment.', 'Akyürek et al. 2022; Xia et al. 2024', true, 40),
    ('trackstar_train', 'gradient', 'corrected', 'corpus', true, 'cross-entropy',
     'TrackStar with R from the corpus alone.', 'Chang et al. 2025, without its task-specific R', true, 50),
    ('trackstar', 'gradient', 'corrected', 'task', true, 'cross-entropy',
     'TrackStar with R mixed from the corpus and the queries.', 'Chang et al. 2025', true, 60),
    ('trak', 'gradient', 'none', 'corpus', false, 'margin',
     'Inner product of decorrelated gradients of the margin, weighted by 1 - p.', 'Park et al. 2023', true, 70),
    ('ekfac', 'curvature', NULL, NULL, NULL, NULL,
     'Unprojected gradients through eigenvalue-corrected Kronecker factors.', 'Grosse et al. 2023', true, 80),
    ('bm25', 'lexical', NULL, NULL, NULL, NULL,
     'Words shared with prompt and target, weighted by BM25.', 'Robertson & Zaragoza 2009', true, 90),
    ('dense', 'embedding', NULL, NULL, NULL, NULL,
     'Cosine of text embeddings of a sentence-transformers model.', 'Reimers & Gurevych 2019', true, 100),
    ('gold', 'annotation', NULL, NULL, NULL, NULL,
     'The documents that the source says state the fact, in the order they were loaded.', '', true, 110)
ON CONFLICT (name) DO UPDATE SET
    kind = EXCLUDED.kind, second_moment = EXCLUDED.second_moment, autocorrelation = EXCLUDED.autocorrelation,
    is_unit_norm = EXCLUDED.is_unit_norm, loss = EXCLUDED.loss, description = EXCLUDED.description,
    reference = EXCLUDED.reference, is_builtin = true,
    position = EXCLUDED.position;
