-- Full signs become a partition that searches read, kept by a trigger from here on.
ALTER TABLE trackstar.{signs} ADD PRIMARY KEY (encoding_id, document_id);
ALTER TABLE trackstar.gradient_signs ATTACH PARTITION trackstar.{signs} FOR VALUES IN ({encoding_id});
CREATE TRIGGER keep_signs AFTER INSERT OR UPDATE OR DELETE ON trackstar.{partition}
    FOR EACH ROW EXECUTE FUNCTION trackstar.keep_signs();
ANALYZE trackstar.{signs};
