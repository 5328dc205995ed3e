"""What work will take, told before it begins: disk, memory and time."""

from trackstar_db.estimates.estimate import Estimate

__all__ = ["Estimate"]
