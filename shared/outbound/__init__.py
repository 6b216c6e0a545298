"""The one door to the outside: what customers' URLs may be, what is dialled for them, and how they are posted to.

`policy.OutboundPolicy` decides, `session.outbound_session` enforces it where sockets are opened, `post.post_bounded`
sends. Nothing is imported here, so that reading an `answer` loads no HTTP client.
"""
