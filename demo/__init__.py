"""A guided tour: ``make demo`` starts a tree on this machine and shows what a session can do.

::

    __main__   the command line; which scenes there are
    tree       a tree of its own, and what can be done to it
    report     what is printed, and whether all of it held
    journey    a session moves up and comes home
    examples   what nodes learn from below; files; a sensor
    busy       a session moves while clients write without pause
    crash      moves that are interrupted by kill -9
"""
