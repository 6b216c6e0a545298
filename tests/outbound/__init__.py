"""The outbound policy against real sockets: every test here dials a receiver on loopback, or is kept from it."""
