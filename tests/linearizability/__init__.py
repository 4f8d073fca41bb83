"""A linearizability checker for what clients saw of their sessions, and its own tests."""
