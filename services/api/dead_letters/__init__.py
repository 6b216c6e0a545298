"""Deliveries that were given up, and their replay."""
