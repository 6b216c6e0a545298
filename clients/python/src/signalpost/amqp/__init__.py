"""Confirmed publishing over AMQP 0-9-1; the only package here that imports an AMQP client."""
