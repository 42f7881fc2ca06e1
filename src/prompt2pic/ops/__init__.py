"""What an operator looks at: metrics, logs and health, each declared in one place."""
