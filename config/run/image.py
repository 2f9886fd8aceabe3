"""What the image starts: one process, in the environment that the operator set."""

import os
import sys
from typing import NoReturn

from config.run.environment import port_from
from config.run.service import become, manage, web_command


def main(arguments: list[str]) -> NoReturn:
    """`web`, `worker`, or any other command of manage.py."""
    match arguments:
        case ["web"]:
            become(web_command(os.environ.get("BIND", "127.0.0.1"), port_from("PORT", 8000)))
        case _:
            become(manage(*arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
