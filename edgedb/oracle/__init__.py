"""What an oracle may ask of a node, and what a node does by itself."""
