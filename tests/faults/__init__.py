"""Real processes under real faults, and what must hold when they are over.

::

    __main__     the command: ``python -m tests.faults --seconds 600``
    chaos        one run: a tree, its clients, movers and faults, then the judgement
    proxy        a TCP proxy that breaks connections on demand
    links        the proxies before every gateway and every server, in a thread of their own
    place        the tree as ``edgectl up`` runs it, all of its traffic led through the links
    schedule     which fault happens when, by the seed
    injector     makes them happen
    clients      who write and read, and what they saw
    movers       who move sessions, and what they were told
    quiet        waits until the tree has dealt with what the faults left behind
    judgement    what must hold then
    report       progress and summary
"""
