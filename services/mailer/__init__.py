"""Mail out: tasks in, one message per recipient out over SMTP."""
