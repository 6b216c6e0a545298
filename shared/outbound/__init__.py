"""All requests to customers' URLs: which URLs are allowed, which addresses are dialled, and how we post to them.

`policy.OutboundPolicy` decides, `session.outbound_session` enforces it where sockets are opened, `post.post_bounded`
sends. Nothing is imported here, so that reading an `answer` loads no HTTP client.
"""
