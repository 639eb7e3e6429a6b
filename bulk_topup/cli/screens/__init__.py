"""What people see in a terminal: plan, progress, status, summary."""
