"""What the library costs and how fast sessions move, as ratios measured side by side.

::

    __main__     the command line
    suite        which benchmarks there are, in which order they run
    context      what a benchmark is given: the tree, the scale, the progress bar
    small        a small move: its calls, and its time against the release before
    identity     requests and moves beside the release before a store knew whose it was
    rejoin       a node whose store comes back empty
    drain        draining a location of thousands of sessions, idle and written to
    flash        a crowd of new clients that fills a node above its high mark
    request      a stateful request against hand-written and stateless ones
    redirect     a 307 against a stateless answer
    crowd        response time over the number of clients, sessions here or half of them away
    fairness     two functions on one session: who waits how long
    stampede     200 clients of one session beside one of another
    memory       what an idle session and a pointer take in the server
    sustained    32 clients while sessions move, beside the same without moves
    timeline     one client through an offload
    pause        how long a writing client waits for a move
    move         a whole move against Redis MIGRATE
    slots        a session under a writer against atomic slot migration
    scale        choosing and serving among up to a million sessions
    tree         a topology of 10,000 locations; propagation through four levels

    running      trees of real processes
    releases     earlier releases, unpacked
    cluster      two nodes of a cluster, between which the server moves a slot
    moves        moves, timed
    sessions     sessions of any size and shape
    migrate      Redis MIGRATE, for comparison
    seeding      many sessions at once
    peak         the most memory that processes took
    clients      the light client: a process of its own
    connection   its open connections
    plan         what each of them is to do, and reports of a request
    load         what the clients are told, and what they report
    medians      medians and spread
    outcome      what a benchmark found
    verdicts     what must hold, and whether it did
    figures      the plots
    report       results.json and report.md
"""
