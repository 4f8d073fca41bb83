"""One node's gateway: a process that answers as OpenFaaS does.

::

    __main__   the process: socket and deployments in, SIGTERM out
    server     which path is served by whom
    paths      cleaning and splitting of paths
    watchdog   of-watchdog of one replica: limits, health, readiness
    replica    the process of one replica
    relay      one request there, one answer back
    headers    what the platform adds, drops and joins
    upstream   HTTP to a replica's process
    reply      the head of an answer
"""
