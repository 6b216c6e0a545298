"""What a process tells about itself: log lines, trace context, health."""
