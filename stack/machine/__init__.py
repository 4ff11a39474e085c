"""The local stack: the emulator and the node as processes, and what a stack has from the start."""
