"""Run by Superset's own Python: makes databases, datasets, charts and dashboards what a bundle says.

The command `superset import-dashboards` leaves charts, datasets and databases as they are where they are there already;
this is what Superset's assets API does.
"""

import sys
from zipfile import ZipFile

from flask import g
from superset.app import create_app


def main(path: str) -> None:
    with create_app().app_context():
        from superset import security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand
        from superset.commands.importers.v1.utils import get_contents_from_bundle

        g.user = security_manager.find_user("admin")
        with ZipFile(path) as bundle:
            contents = get_contents_from_bundle(bundle)
        contents["metadata.yaml"] = contents["metadata.yaml"].replace("type: Dashboard", "type: assets")
        ImportAssetsCommand(contents).run()


if __name__ == "__main__":
    main(sys.argv[1])
