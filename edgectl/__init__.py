"""The operator's tool: run a tree on this machine, look into a tree anywhere, move sessions."""
