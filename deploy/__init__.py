"""How Signalpost is brought onto a machine: container image, cluster, and the local stack."""
