"""What an expression can call: functions, filters, tests and methods."""
