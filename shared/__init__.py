"""What the services share, in layers (pyproject.toml names them): `model` below, `delivery` and `diagnosis` on top.

Nothing in here imports a service, and nothing happens at import.
"""
