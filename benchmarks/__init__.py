"""What Signalpost costs and how fast it is, measured beside a reference in the same run: `make bench`."""
