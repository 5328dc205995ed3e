"""What long work will take, told before it begins; `--dry-run` tells it and does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from tabulate import tabulate

from trackstar_db.cli.output import emit_record, tell

if TYPE_CHECKING:
    from trackstar_db.estimates import Estimate
    from trackstar_db.estimates.estimate import OnEstimate

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print what it would take of disk, memory and time, and do nothing."
)


def announcer(dry_run: bool, output_format: str) -> OnEstimate:
    """Tells of an estimate on standard error where the work is long, and refuses what the disk cannot hold.

    dry_run: it is printed on standard output, whatever it says, and the program ends
    """

    def announce(estimate: Estimate) -> None:
        if dry_run:
            emit_record(estimate.shown() if output_format == "table" else estimate.record(), output_format)
        elif estimate.is_long:
            tell(tabulate(estimate.shown().items(), tablefmt="plain", disable_numparse=True))
        estimate.require_disk()
        if dry_run:
            raise click.exceptions.Exit(0)

    return announce
