"""The results viewer: server-rendered pages over schema tda, read by a role that can only read (`trackstar serve`)."""
