"""An explicit-state model of the hand-over protocol and its exhaustive search."""
