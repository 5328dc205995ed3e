"""The dashboard "Influence and attribution" for Superset, Grafana and Metabase, from one description."""
