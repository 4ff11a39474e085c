"""How clients and providers say that they do not do a method."""

NOT_SUPPORTED = [
    {"code": -32601, "message": "the method eth_feeHistory does not exist/is not available"},  # geth, Erigon
    {"code": -32601, "message": "Method not found"},  # Besu, Reth, anvil
    {"code": -32601, "message": ""},
    {"code": "-32601", "message": "what?"},
    {"code": -32604, "message": "Method not enabled"},  # Besu, where the namespace is switched off
    {"code": -32004, "message": "Method not supported"},  # EIP-1474
    {"code": -32004, "message": "eth_simulateV1 - Method not supported"},  # Hardhat EDR
    {"code": -32004, "message": ""},
    {"code": -32000, "message": "the method eth_feeHistory does not exist/is not available"},
    {"code": -32000, "message": "The method is not available on your current plan"},
    {"code": -32600, "message": "Unsupported method: eth_simulateV1. See available methods in the documentation"},
    {"code": -32600, "message": "eth_simulateV1: method is not whitelisted"},
    {"code": -32001, "message": "rpc method is not whitelisted"},  # op-stack proxyd
    {"code": -32601, "message": "this request method is not supported"},
    {"code": -32002, "message": "The JSON-RPC method is not enabled for this chain"},
    {"code": -32603, "message": "Not implemented"},  # anvil
    {"code": -32600, "message": "The eth namespace is disabled for this URL"},  # Nethermind
    {"code": -32000, "message": "this method is not allowed"},
    {"code": 403, "message": "debug methods not permitted"},
    {"code": -32000, "message": "eth_feeHistory is not available on the free tier"},
]

SUPPORTED = [
    {"code": -32000, "message": "header not found"},
    {"code": -32004, "message": "Upfront cost exceeds account balance"},  # Besu
    {"code": 3, "message": "execution reverted: method not found"},
    {"code": -32000, "message": "execution reverted: the method does not exist"},
    {"code": -32005, "message": "rate limit exceeded for this method: not available"},
    {"code": -32000, "message": "pending block is not available"},
    {"code": -32602, "message": "invalid argument 0"},
    {"code": -32603, "message": "internal error"},
    "rpc.example answered HTTP 405",
    None,
]
