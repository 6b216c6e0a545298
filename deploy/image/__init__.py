"""Builds the container image without a registry, and tries what comes out."""
