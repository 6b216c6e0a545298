"""What an adapter and its stand-in of `shared.testing` must both do, as tests that either one is put through.

`tests/unit/shared/testing/` runs them on the stand-ins, `tests/storage/test_contracts.py` on MongoDB.
"""
