"""Events: taken from producers, and shown to their tenant."""
