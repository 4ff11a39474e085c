"""From a package to a stack at any AWS endpoint, and back: change sets, parameters, secrets, the factories on chain."""
