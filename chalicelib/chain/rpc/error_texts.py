"""The table of the texts with which clients and providers refuse, and their meanings. `docs/rpc-errors.md` shows it.

Codes collide between clients, so the message decides. Each pattern is a regular expression, searched for in the message in
lower case. The order counts: some texts contain the words of others.
"""

from dataclasses import dataclass

from chalicelib.jobs.ports import BroadcastStatus


@dataclass(frozen=True, slots=True)
class Text:
    """One pattern for one or several texts with the same meaning, and in which source files or providers they were read."""

    pattern: str
    source: str


REVERTED = (
    Text(
        r"execution reverted", "geth core/vm/errors.go; Nethermind, Erigon, Besu, Reth and anvil say the same; code 3 or -32000"
    ),
    Text(r"vm execution error", "OpenEthereum and Nethermind up to 1.36, code -32015; the reason is in `data`"),
    Text(r"vm exception|\breverted\b|transaction reverted", "Hardhat EDR edr_provider/src/error.rs, Ganache errors.ts"),
    Text(r"^(err: )?revert(ed)?$", "Nethermind up to 1.36: the name of its EvmExceptionType, code -32015"),
)
"""Checked before anything else: a revert's reason may contain the words of any other text."""

FUNDS = (
    Text(r"insufficient funds|insufficient balance for transfer", "geth core/error.go, core/vm/errors.go; Reth, anvil, Erigon"),
    Text(
        r"insufficientfunds|insufficient sender balance|for sender balance", "Nethermind AcceptTxResult.cs, TransactionResult"
    ),
    Text(r"upfront cost exceeds|up-front cost .* exceeds", "Besu RpcErrorType.java (-32004), MainnetTransactionValidator.java"),
    Text(r"enough funds", "Hardhat EDR mem_pool/src/lib.rs"),
    Text(r"cannot pay gas", "OpenEthereum"),
    Text(r"transaction overdraws from account", "Reth transaction-pool/src/error.rs"),
)

THROTTLED = (
    Text(r"rate limit|request rate|request limit|rps limit|too many requests", "Infura, QuickNode, Ankr, any HTTP 429"),
    Text(r"compute units|(requests|calls) per second|limit exceeded", "Alchemy, QuickNode, Infura (-32005)"),
    Text(r"syncing|sync is still in progress", "Nethermind, OpenEthereum (-32001), Besu (-32008)"),
    Text(r"pool not enabled|txpool disabled|not connected to any peers", "Besu (-32002), Erigon, OpenEthereum (-32066)"),
)

TOO_LARGE_CODE = (
    Text(r"max (initcode|code) size|max_init_code_size", "geth core/vm/errors.go (-38025), Nethermind, Reth, anvil"),
    Text(r"initcode (size|too large)", "Besu MainnetTransactionValidator.java; Erigon txpoolcfg.go"),
    Text(
        r"size over max init code size|createinitcodesizelimit|eip-3860",
        "Nethermind TransactionResult; revm; Ganache errors.ts",
    ),
)

GAS_LIMIT = (
    Text(
        r"intrinsic gas|intrinsicgas|base fee exceeds gas limit",
        "geth core/error.go (-38013), Besu (-32003), all others; Ganache",
    ),
    Text(r"floor data gas|requires gas floor", "geth core/error.go (EIP-7623); Hardhat EDR edr_runtime/src/transaction.rs"),
    Text(r"requires at least \d+ gas", "Hardhat EDR edr_runtime/src/transaction.rs"),
    Text(r"gas is too low", "OpenEthereum"),
    Text(
        r"exceeds block('s)? gas limit|greater than the block gas limit",
        "geth core/txpool/errors.go, Besu, Reth, Hardhat; anvil",
    ),
    Text(r"gas ?limit ?(is )?too high|gas limit overflow", "geth core/error.go (EIP-7825), Reth, Erigon txpoolcfg.go"),
    Text(r"gaslimitexceeded|gas limit exceeded|gas limit reached", "Nethermind AcceptTxResult.cs; geth core/error.go (-38015)"),
    Text(
        r"gas ?limit ?cap ?exceeded|transaction gas (limit )?cap|gas limit must be at most"
        r"|exceeds max(imum per-)?( ?transaction) gas limit",
        "the cap of EIP-7825: Besu (-32005), Nethermind TxErrorMessages.cs, Hardhat EDR mem_pool, Reth transaction-pool",
    ),
    Text(r"exceeds current gas limit|supplied gas is beyond", "OpenEthereum"),
    Text(r"gas uint64 overflow|gasuintoverflow|gasuint64overflow", "geth core/error.go, Erigon txpoolcfg.go, Nethermind"),
)

BROADCAST: tuple[tuple[BroadcastStatus, tuple[Text, ...]], ...] = (
    # Some nodes execute the transaction before they answer. It may be mined all the same, so nothing is known.
    (BroadcastStatus.UNKNOWN, REVERTED),
    (
        BroadcastStatus.NONCE_TOO_LOW,
        (
            Text(
                r"(?<!authority )nonce too low", "geth core/error.go; Nethermind, Erigon, Besu (-32001), Reth, anvil, Hardhat"
            ),
            Text(r"oldnonce|nonce is too low", "Nethermind up to 1.36 (-32010); OpenEthereum (-32010)"),
            Text(r"nonce \d+ below sender account nonce", "Besu MainnetTransactionValidator.java"),
            Text(r"correct nonce\. account has nonce of", "Ganache transaction-pool.ts, of nonces that are used"),
        ),
    ),
    (
        BroadcastStatus.KNOWN,
        (
            Text(
                r"already known|(?<!un)known transaction", "geth core/txpool/errors.go, Erigon, Reth; Besu, Hardhat, old geth"
            ),
            Text(r"alreadyknown|ownnoncealreadyused", "Nethermind up to 1.36 (-32010)"),
            Text(r"already imported|already exists|same hash", "OpenEthereum, Reth, anvil; Erigon txpoolcfg.go"),
        ),
    ),
    (
        BroadcastStatus.REPLACEMENT_UNDERPRICED,  # before underpriced: it contains the word
        (
            Text(
                r"replacement transaction underpriced|tries to replace pending",
                "geth core/txpool; Nethermind, Besu, anvil, Hardhat",
            ),
            Text(r"replacementnotallowed", "Nethermind up to 1.36 (-32010)"),
            Text(
                r"could not replace existing tx|insufficient gas price to replace", "Erigon txpoolcfg.go; Reth transaction-pool"
            ),
            Text(r"another transaction with same nonce", "OpenEthereum (-32010)"),
            Text(r"transaction can't be replaced", "Ganache transaction-pool.ts (-32003): the other one is being mined"),
        ),
    ),
    (
        BroadcastStatus.POOL_FULL,  # before underpriced: FeeTooLowToCompete is about the pool, FeeTooLow about the fee
        (
            Text(r"txpool is full|account limit exceeded", "geth core/txpool/errors.go; Reth (-32003)"),
            Text(r"in-flight transaction limit|address already reserved", "geth core/txpool/errors.go (EIP-7702), Reth"),
            Text(r"sub-pool is full|\bspammer\b", "Erigon txpoolcfg.go; Reth transaction-pool"),
            Text(r"feetoolowtocompete|feepergas needs to be higher", "Nethermind up to 1.36 (-32010)"),
            Text(r"delegation authority has pending transaction", "Nethermind TxPoolErrorMessages.cs (EIP-7702)"),
            Text(r"due to pool size constraints", "Reth transaction-pool/src/error.rs"),
            Text(r"too many transactions in the queue", "OpenEthereum (-32010)"),
        ),
    ),
    (
        BroadcastStatus.UNDERPRICED,
        (
            Text(r"underpriced|fee too low|feetoolow", "geth, Reth, Nethermind; Erigon (FEE_TOO_LOW); Nethermind up to 1.36"),
            Text(r"gas price below|below current base fee|gasprice is less than the current basefee", "geth, Besu (-32009)"),
            Text(r"less than block base fee", "geth core/error.go (-38012), Reth, anvil (-32003)"),
            Text(r"is too low for the next block|below the minimum of", "Hardhat EDR edr_provider/src/error.rs"),
            Text(r"gas price is too low", "OpenEthereum (-32010)"),
            Text(r"priority fee below|below chain minimum", "Reth rpc-eth-types (-32003), transaction-pool"),
            Text(r"priorityfeepergas too low", "Nethermind"),
        ),
    ),
    (BroadcastStatus.UNFUNDED, FUNDS),
    (
        BroadcastStatus.NEVER_VALID,  # because of its gas limit, its fees or its size
        (
            *GAS_LIMIT,
            Text(
                r"max priority fee per gas (higher than|exceeds|cannot be greater than) max fee|invalidmaxpriorityfeepergas",
                "geth core/error.go, Reth, anvil; Besu; Nethermind TxErrorMessages.cs",
            ),
            *TOO_LARGE_CODE,
            Text(r"oversized data", "geth core/txpool/errors.go, Erigon, Reth: above 128 KB"),
            Text(r"maxtxsizeexceeded|transaction too large|rlptoolong", "Nethermind AcceptTxResult.cs; Erigon txpoolcfg.go"),
        ),
    ),
    (
        BroadcastStatus.NONCE_TOO_HIGH,
        (
            Text(r"nonce too high|gapped-nonce", "geth core/error.go, core/txpool; Besu (-32006), Reth, anvil, Hardhat"),
            Text(r"noncegap|noncetoofarinfuture|nonce too far|delegation nonce gap", "Nethermind AcceptTxResult.cs"),
            Text(r"too distant from current sender nonce|lower nonce exists", "Besu RpcErrorType.java"),
        ),
    ),
    (
        BroadcastStatus.NEVER_VALID,  # it is for another chain or malformed, or its signature is wrong
        (
            Text(r"chain ?id|eip-155", "geth, Besu, Nethermind, Reth, anvil, Hardhat"),
            Text(r"\brlp\b|decode|typed transaction too short|empty transaction data", "geth; Reth, anvil (-32602)"),
            Text(
                r"invalid sender|invalid (transaction )?signature|recover sender|failedtoresolvesender"
                r"|sender could not be extracted|signature s value",
                "geth core/txpool/errors.go; Reth; Nethermind; Besu (-32002)",
            ),
            Text(r"transaction type not supported|unsupported transaction type|invalidtx", "geth, Reth, Hardhat; Nethermind"),
            Text(r"^(transaction )?invalid($|[,:])|^transaction invalid", "Nethermind, both before and after 1.36"),
        ),
    ),
    (BroadcastStatus.THROTTLED, THROTTLED),
)

OUT_OF_GAS = (
    Text(r"out of gas|outofgas|ran out of gas", "geth core/vm/errors.go, Reth, anvil (-32603), Hardhat EDR, Nethermind"),
    Text(r"gas required exceeds", "geth eth/gasestimator, Erigon, Nethermind GasEstimator.cs, Reth, anvil"),
    Text(r"gas spent exceeded transaction and block gas limit", "Nethermind GasEstimator.cs"),
)
"""A simulation ran out of gas. Some texts say how much was needed or allowed."""

HALTED = (
    *OUT_OF_GAS,
    *GAS_LIMIT,
    *TOO_LARGE_CODE,
    Text(r"transaction execution fails", "Nethermind GasEstimator.cs: the run failed, and no client text describes it"),
    Text(r"invalid opcode|invalidfeopcode|opcodenotfound|bad ?instruction", "geth, anvil, Hardhat EDR; Nethermind up to 1.36"),
    Text(r"stack ?(under|over)flow|stack limit|max call depth|calltoodeep", "geth core/vm/errors.go, Nethermind, revm"),
    Text(r"invalid ?jump|invalid code|invalidcode|createcontract", "geth core/vm/errors.go, revm, Nethermind up to 1.36"),
    Text(r"write protection|staticcall|insidestatic|return data out of bounds|outofoffset", "geth core/vm/errors.go, revm"),
    Text(
        r"address collision|createcollision|transactioncollision|nonce uint64 overflow",
        "geth core/vm/errors.go, revm, Nethermind",
    ),
    Text(r"memory limit exceeded|accessviolation|precompile(failure|error)", "Reth rpc-eth-types; Nethermind up to 1.36; revm"),
    Text(r"due to an exception", "Besu RpcErrorType.java, EXECUTION_HALTED"),
    Text(r"contract creation without any data", "Hardhat EDR edr_runtime/src/transaction.rs"),
    Text(r"evm error:? (?!.*(database|timeout))", "anvil, Reth: the halt's name follows"),
)
"""A simulation failed because of the transaction itself: as final as a revert."""

TOO_SLOW = (
    Text(r"execution aborted \(timeout", "geth internal/ethapi, Reth: the node's own bound on one simulation"),
    Text(r"request timed out|timeout expired", "geth rpc/errors.go (-32002), for what a batch had left; Besu (-32603)"),
)
TOO_BIG = (
    Text(
        r"response (is )?too (large|big)", "geth rpc/errors.go (-32003), for what a batch had left; Reth's jsonrpsee (-32008)"
    ),
    Text(
        r"maxbatchresponsebodysize|batch response .*(large|exceed)", "Nethermind (-32005), for what a batch had left; jsonrpsee"
    ),
)
"""TOO_SLOW and TOO_BIG are the node's own bounds. A request that exceeds them in a batch is sent again by itself."""

UNSUPPORTED = (
    Text(
        r"method\b.* (not|n't) (yet )?(be )?"
        r"(found|supported|enabled|allowed|available|implemented|whitelisted|permitted|exist)",
        "Besu (-32604), EIP-1474 (-32004), Hardhat EDR (-32004), op-stack proxyd (HTTP 403), QuickNode, Ankr, dRPC",
    ),
    Text(
        r"method\b.* does not exist|method\b.* (unavailable|disabled|blocked|restricted)",
        "geth rpc/errors.go (-32601), providers",
    ),
    Text(r"(unsupported|unknown|unallowed|invalid|disallowed) (rpc )?method", "Infura, MetaMask, BlockPI, Chainstack"),
    Text(
        r"\bmethods? not permitted|not available on (the|your|our|this) .*(plan|tier)|(plan|tier) does not (support|include)",
        "providers",
    ),
    Text(r"^not implemented|rpc endpoint not implemented|^unimplemented", "anvil, Hardhat EDR edr_provider/src/error.rs"),
    Text(r"(namespace|module).* (disabled|not enabled|is not available)", "Nethermind (-32600)"),
)
