"""Deploying a package to a stack at any AWS endpoint, deleting a stack, and deploying the factory contracts to a chain."""
