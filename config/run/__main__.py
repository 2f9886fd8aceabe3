"""`./run COMMAND`, in the Python of .venv."""

import os
import signal
import sys
from types import FrameType

from config.run import VAR, environment, locks, postgres, processes, service
from config.run.demo import demo


def main(arguments: list[str]) -> int:
    command, *rest = arguments or [""]
    # SQLite does not create folders, and WhiteNoise warns if that of its files is missing.
    (VAR / "static").mkdir(parents=True, exist_ok=True)
    # SIGINT too: a shell that starts us in the background makes us ignore it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # set by nohup
        signal.signal(signal.SIGHUP, interrupt)
    try:
        return dispatch(command, rest)
    except KeyboardInterrupt:
        # An interrupt is the normal end of `up`. Any other command did not finish its work.
        return 0 if command == "up" else 130
    except (
        environment.PortError,
        postgres.PostgresError,
        processes.ChildEndedError,
        service.StartError,
    ) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handle each signal like Ctrl-C, so that the processes that we started end first."""
    raise KeyboardInterrupt


def dispatch(command: str, arguments: list[str]) -> int:
    match command:
        case "up":
            environment.load_env_file()
            return service.up()
        case "demo":
            if arguments not in ([], ["--once"]):
                print("Usage: ./run demo [--once]", file=sys.stderr)
                return 2
            return demo(once="--once" in arguments)
        case "test":
            from config.run.testing import test

            return test(arguments)
        case "night":
            from config.run.night import night

            return night(arguments)
        case "mutants":
            from config.run.mutants import main as mutants

            return mutants()
        case "pictures":
            from config.run.pictures import pictures

            return pictures()
        case "manage":
            environment.load_env_file()
            os.environ.update(environment.place_of_service().environment)
            service.become(service.manage(*arguments))
        case "lock":
            return locks.lock()
    raise AssertionError(f"{command!r} is not a command; install.main checks that")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
