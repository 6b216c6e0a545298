"""Serves an ASGI application over HTTP/1.1 to strangers: every part of a request and every wait is bounded here.

`limits` names the bounds, `connections` counts who is connected, `reading` and `protocol` are one connection, and
`server` listens. The API, and the health port of every process, are served this way.
"""
