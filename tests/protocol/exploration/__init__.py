"""Every fault at every step: what a whole tree does when anything goes wrong anywhere.

A *step* is a call between two nodes or a command to a node's own server (each of its scripts is
one), so between two steps nothing can be half done. A *schedule* says at which steps which fault
happens; running it again does exactly the same.

=================  =============================================================================
``schedule.py``    steps, faults and schedules, as text that can be replayed
``activities.py``  clients, movers and ticks: threads, of which just one runs until it gives way
``faults.py``      what each fault does to the step it meets
``stage.py``       where all steps are taken
``stepping.py``    a tree whose calls and commands are steps, and whose processes can die
``history.py``     what clients did and what they were told
``client.py``      the clients and the movers
``world.py``       a tree on real servers in which activities go on, and recover
``invariants.py``  I1 to I6 of ``docs/protocol.md``
``scenarios.py``   the moves, and who else is there meanwhile
``explorer.py``    runs one schedule
``search.py``      which schedules there are
``stories.py``     longer stories, for the random schedules
=================  =============================================================================

``python -m tests.protocol.exploration`` runs the schedules and counts them, ``--replay`` runs one
again and shows its steps.
"""
