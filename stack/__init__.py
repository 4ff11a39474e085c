"""The commands behind make: run the local stack, package and deploy a stage, and operate it. No Lambda runs this.

Rooms, each of which may import those before it: `build` (zip and template), `deployment` (to AWS and to a chain), `operation`
(accounts, JWTs, dead letters, restoring), `machine` (the local stack), `commands` (the command line).
"""
