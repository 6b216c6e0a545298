"""The catalogue of event types, and the AsyncAPI document of the exchange."""
