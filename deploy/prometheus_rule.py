"""Writes `kubernetes/components/monitoring/alerts.yaml`: the alerts, in the form that Prometheus' operator takes.

`python -m deploy.prometheus_rule > deploy/kubernetes/components/monitoring/alerts.yaml` renews the file.
"""

import sys
import textwrap
from pathlib import Path
from typing import Final

ALERTS: Final = Path(__file__).with_name("observability") / "prometheus" / "alerts.yml"
_HEAD: Final = """\
# Generated from observability/prometheus/alerts.yml: python -m deploy.prometheus_rule renews it.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: signalpost
  labels: {app.kubernetes.io/name: signalpost}
spec:
"""


def prometheus_rule() -> str:
    """Return the file's content: the same text two columns to the right, so that it reads the same."""
    return _HEAD + textwrap.indent(ALERTS.read_text(), "  ")


if __name__ == "__main__":
    sys.stdout.write(prometheus_rule())
