"""The commands behind make, one module for each subject. A command imports what it needs when it runs: help is quick."""
