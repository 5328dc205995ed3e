"""`python -m trackstar_db.cli`."""

import sys

from trackstar_db.cli import main

sys.exit(main())
