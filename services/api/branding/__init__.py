"""How a tenant's mails look."""
