"""The commands behind make, by what they are about. What each one needs is imported when it runs: `make help` needs nothing."""
