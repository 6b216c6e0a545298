"""What looks at Signalpost from outside: Prometheus, its alerts, and Grafana's dashboards."""
