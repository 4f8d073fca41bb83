"""One node's gateway: a process that answers as OpenFaaS does."""
