"""Prints the page about the built-in types (`docs/events.md`)."""

import sys

from shared.catalogue.markdown import events_markdown
from signalpost.catalogue import Catalogue

if __name__ == "__main__":
    sys.stdout.write(events_markdown(Catalogue.builtin()))
