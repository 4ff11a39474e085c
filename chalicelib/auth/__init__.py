"""Who makes a request: reads a JWT and returns a Principal."""
