"""Prints the page about the metrics (`docs/metrics.md`)."""

import sys

from shared.telemetry.markdown import metrics_markdown

if __name__ == "__main__":
    sys.stdout.write(metrics_markdown())
