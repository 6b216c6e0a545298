"""Proof by killing things: load, faults, and a ledger that is checked when all is quiet again (`make chaos`)."""
