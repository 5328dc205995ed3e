-- One index of an encoding, gone; searches and encodings that run meanwhile are not stopped.
DROP INDEX CONCURRENTLY IF EXISTS trackstar.{index};
