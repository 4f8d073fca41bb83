"""Reads stack files and lays out build folders as ``faas-cli`` does."""
