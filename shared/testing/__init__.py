"""In-memory stand-ins for broker and database, for tests of what is decided above them.

Each passes the same contract tests as the adapter that it stands for (`tests/contracts/`), so a test that uses one
says something about the real thing. Nothing in production imports them.
"""
