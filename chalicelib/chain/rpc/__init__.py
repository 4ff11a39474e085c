"""JSON-RPC: one client over several endpoints, what it sends, what it gets, and what the nodes' errors mean."""
