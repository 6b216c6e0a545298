"""What the services share: messages, topology, policies, storage, broker, telemetry.

Nothing in here imports a service, and nothing happens at import.
"""
