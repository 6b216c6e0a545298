"""Everything derived from the master keys: webhook secrets, signatures and signed links. No I/O."""
