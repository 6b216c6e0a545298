"""Mail content: addresses, templates (the customers' and the built-in ones) and their rendering.

Here because the API checks, saves and previews what the mailer later sends. Nothing in this package opens a socket;
building and sending a message is the mailer's business.
"""
