"""`python -m trackstar_db.cli`."""

import sys

from trackstar_db.cli import main

if __name__ == "__main__":
    sys.exit(main())
