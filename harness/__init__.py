"""What the demo, the benchmarks and the tests share; no part of the product.

::

    running   a tree of processes as its users run it: ``edgectl up``, ``edgectl down``
    writers   clients that write without pause, and what became of their writes
    waiting   asks until something holds
"""
