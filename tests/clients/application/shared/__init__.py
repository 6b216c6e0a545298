"""What an application shares between its parts; Signalpost's server has a package of the same name."""

SOURCE = "/wipe/backend"
