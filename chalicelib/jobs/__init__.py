"""The domain: what a job is and may become. Knows no HTTP, no AWS and no node."""
