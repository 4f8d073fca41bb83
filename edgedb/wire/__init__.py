"""What travels between clients and nodes, and between nodes: names, forms, limits."""
