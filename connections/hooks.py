"""What apps above have to do when a connection ends or becomes active again, and every hour.

They append their functions when Django starts (`AppConfig.ready`). Those about a connection run
inside the transaction of the change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from connections.models import SocialConnection

# Called with the connection and the actor who ended it. Returns how many jobs it cancelled.
on_disconnect: list[Callable[[SocialConnection, str], int]] = []
on_reconnect: list[Callable[[SocialConnection], None]] = []
on_housekeeping: list[Callable[[dt.datetime], None]] = []
