"""The EVM, out: JSON-RPC, signing, contracts, and reading the chain. The only room that imports Ethereum libraries."""
