"""Deploy to any AWS endpoint, real or local, and the local stack: emulator, chain, accounts and a first job.

Not part of what a Lambda runs.
"""
