"""Superset's settings, for one person on the machine that it runs on."""

import os
from pathlib import Path

from superset.config import TALISMAN_CONFIG

HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = (HOME / "secret_key").read_text(encoding="ascii")
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}?check_same_thread=false"
# One process counts logins in its memory; Superset would warn of it.
RATELIMIT_STORAGE_URI = "memory://"
# Pages load nothing from elsewhere, the pixel that counts Superset's users included.
TALISMAN_CONFIG["content_security_policy"] |= {
    kind: [source for source in TALISMAN_CONFIG["content_security_policy"][kind] if "." not in source]
    for kind in ("img-src", "connect-src", "style-src", "font-src")
}
