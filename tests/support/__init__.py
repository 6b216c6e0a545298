"""What tests of the running system share: the system itself, receivers that record, and waiting without sleeping."""
