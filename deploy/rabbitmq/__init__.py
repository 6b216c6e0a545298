"""RabbitMQ as a deployment needs it: `definitions.json`, who may do what in it, and a program that brings both in."""
