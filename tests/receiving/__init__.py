"""The receiver guide: its code is run against what Signalpost sends, its facts are held against the source."""
