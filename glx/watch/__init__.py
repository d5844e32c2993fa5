"""What a detector finds, where people have their tools: metrics, alerts, OpenTelemetry."""
