"""The parts of an application."""
