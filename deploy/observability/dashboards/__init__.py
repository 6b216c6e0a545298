"""Grafana's dashboards, from which the files in `../grafana/dashboards` are made.

Every expression is tried by promtool, and names only metrics that exist (tests/deploy/test_dashboards.py).
"""
