"""What every process is made of: settings, logs, signals, the clock, waiting and batching."""
