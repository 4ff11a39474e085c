"""The adapter to EVM chains: JSON-RPC, signing, contracts, reading. The only room that imports Ethereum libraries."""
