"""`python -m dashboards`: makes every tool's files again from dashboard.yaml and panels/*.sql."""

from __future__ import annotations

from dashboards.files import write_files

if __name__ == "__main__":
    for path in write_files():
        print(path)
