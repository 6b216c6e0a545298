"""The webhook consumer: tasks in, signed requests out."""
