"""What every process needs: settings, logs, signals, the clock, backoff and batching."""
