"""The delivery log, and sending deliveries again."""
