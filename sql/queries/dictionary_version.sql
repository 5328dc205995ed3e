-- The version of schema tda.
SELECT version FROM tda.surface;
