"""Brings Superset up with the dashboard: `make superset`.

In its own environment it makes its own database, imports the dashboard's bundle with the connection to trackstar's
database in it, gives the user admin a new password, and serves on the loopback interface until Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml

from trackstar_db.database.engine import configured_url

FOLDER = Path(__file__).parent
BUNDLE = FOLDER / "bundle"
DATABASE_FILE = "databases/trackstar.yaml"
SLUG = "influence-and-attribution"
URL_VARIABLE = "READER_URL"
"""Holds the database's URL for a member of tda_reader; without it, the embedded server's is taken.

No option does: the URL may hold a password, and every user of the machine sees the list of processes.
"""


def main() -> None:
    """Does not return where it serves: the process becomes the web server."""
    options = _options()
    if options.bundle:
        write_bundle(options.bundle, os.environ.get(URL_VARIABLE))
        return
    url = os.environ.get(URL_VARIABLE) or embedded_reader_url()
    password = secrets.token_urlsafe(12)
    environment = prepare(options.environment, url, password)
    print(f"\n  {address(options.port)}\n  user: admin   password: {password}\n  Ctrl-C ends it.\n", flush=True)
    command = serving(options.environment, options.port)
    os.execve(command[0], command, environment)


def address(port: int) -> str:
    """Where the dashboard is."""
    return f"http://127.0.0.1:{port}/superset/dashboard/{SLUG}/"


def serving(folder: Path, port: int) -> list[str]:
    """The command that serves Superset, installed in a folder, on the loopback interface."""
    place = folder.absolute()
    gunicorn = [str(place / "bin" / "gunicorn"), "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    gunicorn += ["--worker-class", "gthread", "--threads", "8", "--timeout", "120"]
    return [
        *gunicorn,
        "--capture-output",
        "--log-file",
        str(place / "home" / "server.log"),
        "superset.app:create_app()",
    ]


def prepare(folder: Path, url: str, password: str) -> dict[str, str]:
    """The environment of Superset's programs, after its database, its user and the dashboard were made or renewed."""
    home = folder.absolute() / "home"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = home / "secret_key"
    if not key.exists():
        _write_private(key, secrets.token_urlsafe(42))
    environment = {
        **os.environ,
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(FOLDER / "superset_config.py"),
        "FLASK_APP": "superset.app:create_app()",
        # Options by these names, so that no password stands in the list of processes.
        "FLASK_FAB_CREATE_ADMIN_PASSWORD": password,
        "FLASK_FAB_RESET_PASSWORD_PASSWORD": password,
    }
    is_made = home / "is_made"

    def run(program: str, *arguments: str) -> None:
        with (home / "up.log").open("a") as log:
            command = [str(folder.absolute() / "bin" / program), *arguments]
            if subprocess.run(command, env=environment, stdout=log, stderr=log, check=False).returncode:
                sys.exit(f"{' '.join(command)} failed. Its messages stand at the end of {log.name}.")

    print("· Superset's own database", file=sys.stderr)
    run("superset", "db", "upgrade")
    if not is_made.exists():
        admin = ["--username", "admin", "--firstname", "Admin", "--lastname", "of Superset"]
        run("superset", "fab", "create-admin", *admin, "--email", "admin@localhost")
        run("superset", "init")
        is_made.touch()
    run("superset", "fab", "reset-password", "--username", "admin")
    print("· the dashboard", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "influence_and_attribution.zip"
        write_bundle(bundle, url)
        run("python", str(FOLDER / "import_bundle.py"), str(bundle))
    return environment


def write_bundle(path: Path, url: str | None = None) -> None:
    """A zip file for Superset's importer, also that of its pages.

    url: of the database, for a role that is a member of tda_reader; else it asks for the password of a placeholder
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(BUNDLE.rglob("*.yaml")):
            name, text = file.relative_to(BUNDLE).as_posix(), file.read_text(encoding="utf-8")
            if url and name == DATABASE_FILE:
                text = yaml.safe_dump({**yaml.safe_load(text), "sqlalchemy_uri": url}, sort_keys=False)
            archive.writestr(f"{SLUG}/{name}", text)


def embedded_reader_url() -> str:
    """The embedded server's URL for tda_reader; ends the program where another server is configured."""
    name, url = configured_url()
    if url:
        sys.exit(
            f"{name} is set: the database is not the embedded one. Give the URL of a role that is a member of "
            f"tda_reader: {URL_VARIABLE}=postgresql://… make superset"
        )
    command = [sys.executable, "-m", "trackstar_db.cli", "db", "url", "--reader"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--environment", type=Path, default=Path(".venv-superset"), help="Where Superset is installed.")
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--bundle", type=Path, help="Only write the zip file that any Superset imports.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
