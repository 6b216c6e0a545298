"""The dispatcher: events in, deliveries out."""
