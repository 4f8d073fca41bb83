"""Who is above whom: the tree, the document that describes it, the file a node is given."""
