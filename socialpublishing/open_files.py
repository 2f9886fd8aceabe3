"""The limit of open files of a process and its children, of which each connection is one."""

import resource

# Enough for the threads of a process, each with a connection to a platform and to a media server,
# and for those that are kept for later.
WANTED = 8192


def raise_limit() -> None:
    """Raise it as far as the system lets us: by default it is often 1024."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if most == resource.RLIM_INFINITY else min(WANTED, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
