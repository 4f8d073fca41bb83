"""Runs a tree on this machine: servers, gateways and functions, as the platform would."""
