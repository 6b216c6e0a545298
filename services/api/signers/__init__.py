"""Webhooks bound to one signer."""
