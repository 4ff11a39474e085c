"""Three issuers attack while a fourth one posts a plain transfer every few seconds: its jobs go on (invariant 12).

On a whole local stack, over HTTP. The attackers use all they are allowed to: their own accounts, and an account that they share
with the fourth issuer. A seed decides who does what in which order.
"""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import requests

from chalicelib.bounds import Bounds
from stack import rpc
from stack.machine.local import LocalStack
from stack.progress import silent
from tests.adversary.foes import Foe, Victim
from tests.adversary.memory import MemoryWatch
from tests.stack.client import FINAL, Client, aws, wait_for
from tests.stack.issuers import ACCOUNTS, COIN, Issuer, fund, new_address, new_issuer, new_phone_number, token_of

BOUNDS = Bounds()
FOES = 3
ROLE = "shared"
FUNDS = 1_000 * COIN
VICTIM = "acme#eu"
FIRST_FOE = "acme"
"""Together with the external id `eu#invoice-7` it looks like the victim's `acme#eu` with `invoice-7`."""
EXTERNAL_ID = "invoice-7"
OWNER, BALANCE_OF = "0x8da5cb5b", "0x70a08231"
"""The selectors of owner() and balanceOf(address)."""
IN_WALLET = 5
"""Of the victim's token, in whole tokens: what its wallet holds before and after."""
BATCH_SECONDS = BOUNDS.run_seconds + BOUNDS.estimate_seconds
"""Of one batch of ExecuteJobs: no round begins after the first, and the estimates of one round take the second at most."""
BLOCKS_ALLOWED = int(2 * BATCH_SECONDS) + 6
"""Within so many blocks after it was posted a plain transfer is final, whatever others do. A block takes a second.

The emulator hands over one batch at a time, and a batch may hold several accounts. So a transfer may wait for the batch before
its own, and for the other accounts of its own. The rest is for mining, two confirmations and the poll after them.
"""
SECONDS_BETWEEN_TRANSFERS = 3.0
SECONDS_BETWEEN_ATTACKS = (0.5, 4.0)
SPIKE_GWEI = 25
SPIKES_EVERY_SECONDS = 20.0
PATIENCE_SECONDS = 240.0
GWEI = 10**9
FAILED = re.compile(r"Task timed out|Traceback|\[ERROR\]|\"errorMessage\"|\"level\": ?\"ERROR\"")


@dataclass
class Report:
    """What a siege did and found. Blocks are from the one at which a job was posted to the one at which it was seen final."""

    seed: int
    seconds: float = 0.0
    transfers: int = 0
    blocks: dict[str, list[int]] = field(default_factory=lambda: {"own": [], "shared": []})
    """By the account: the victim's own, or the one that it shares with the attackers."""
    memory_mib: dict[str, int] = field(default_factory=dict)
    memory_allowed_mib: dict[str, int] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        memory = ", ".join(f"{name} {mib} of {self.memory_allowed_mib[name]} MiB" for name, mib in self.memory_mib.items())
        return [
            f"seed {self.seed}: {sum(self.answers.values())} hostile requests in {self.seconds:.0f} s",
            f"{self.transfers} plain transfers; blocks until final: "
            + "; ".join(
                f"{account} account: median {median(blocks or [0]):.0f}, most {max(blocks, default=0)}"
                for account, blocks in self.blocks.items()
            )
            + f" (allowed: {BLOCKS_ALLOWED})",
            f"memory: {memory}",
            f"attacks: {', '.join(f'{name} × {count}' for name, count in sorted(self.answers.items()))}",
            f"violations: {len(self.violations)}",
            *(f"  {violation}" for violation in self.violations),
        ]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "answers": dict(self.answers)}


@dataclass
class Transfer:
    """A plain transfer of 1 wei to an address that nobody else pays."""

    job_id: str
    recipient: str
    posted_at_block: int
    client: Client


class Siege:
    def __init__(self, stack: LocalStack, seed: int, say: Callable[[str], None]) -> None:
        self.stack = stack
        self.report = Report(seed)
        self._say = say
        self._dice = random.Random(seed)  # noqa: S311 -- dice
        self._admin = Client(stack.env, stack.env["ADMIN_TOKEN"])
        self._over = threading.Event()
        self._lambda_names = self._functions()
        self._memory = MemoryWatch(self._lambda_names)
        self._transfers: list[Transfer] = []
        self._posted = 0
        shared = self._shared_account()
        self._own = self._issuer("the victim", VICTIM)
        self._on_shared = Client(stack.env, self._pool_token(VICTIM))
        self._shared = Issuer(self._on_shared, shared, "")
        self.victim = self._property()
        self.foes = [self._foe(number) for number in range(FOES)]

    # --- before it begins ------------------------------------------------------------------------------------------------

    def _functions(self) -> dict[str, str]:
        """By the name of the function: its logical id in the template."""
        found = aws(self.stack.env, "cloudformation").describe_stack_resources(StackName=self.stack.env["STACK_NAME"])
        functions = {
            one["PhysicalResourceId"]: one["LogicalResourceId"]
            for one in found["StackResources"]
            if one["ResourceType"] == "AWS::Lambda::Function"
        }
        for name, logical_id in functions.items():
            size = aws(self.stack.env, "lambda").get_function_configuration(FunctionName=name)["MemorySize"]
            self.report.memory_allowed_mib[logical_id] = size
        return functions

    def _shared_account(self) -> str:
        answer = self._admin.post(ACCOUNTS, {"role": ROLE, "bridgeType": "home", "allowsValue": True})
        assert answer.status_code == 201, answer.text
        address = str(answer.json()["data"]["account"]["accountAddress"])
        fund(self.stack, [address], FUNDS)
        return address

    def _pool_token(self, owner: str) -> str:
        return token_of(self.stack.env, sub=owner, accountAddress=new_address(), role=ROLE, isCommunityAdmin=True)

    def _issuer(self, name: str, owner: str) -> Issuer:
        """With an account of its own, and a token that names it as the owner of its jobs."""
        made = new_issuer(self.stack, self._admin, name, coins=FUNDS // COIN)
        token = token_of(self.stack.env, sub=owner, accountAddress=made.account, isCommunityAdmin=True)
        return Issuer(Client(self.stack.env, token), made.account, token)

    def _property(self) -> Victim:
        """A token and a wallet that the victim's jobs make on the shared account."""
        token = self._shared.new_token(initialSupply="1000")
        wallet = self._shared.new_wallet(new_phone_number())
        self._shared.done([self._shared.order("tokens/mint", tokenAddress=token, amount=str(IN_WALLET), toAddress=wallet)])
        return Victim([], [], EXTERNAL_ID, VICTIM, token, wallet)

    def _foe(self, number: int) -> Foe:
        owner = FIRST_FOE if number == 0 else f"foe-{number}"
        own = self._issuer(owner, owner)
        clients = {"own": own.client, "shared": Client(self.stack.env, self._pool_token(owner))}
        foe = Foe(owner, clients, own.account, random.Random(f"{self.report.seed} {owner}"), self.victim)  # noqa: S311 -- dice
        foe.prepare()
        return foe

    # --- while it goes on -------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> Report:
        began = time.monotonic()
        threads = [threading.Thread(target=self._attack, args=(foe,), daemon=True) for foe in self.foes]
        threads += [threading.Thread(target=self._watch, daemon=True), threading.Thread(target=self._spike, daemon=True)]
        for thread in threads:
            thread.start()
        try:
            while time.monotonic() - began < seconds:
                self._post_transfer()
                self._over.wait(SECONDS_BETWEEN_TRANSFERS)
            self._await_all()
        finally:
            self._over.set()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)
        self.report.seconds = time.monotonic() - began
        self._conclude()
        return self.report

    def _attack(self, foe: Foe) -> None:
        while not self._over.is_set():
            with suppress(requests.ConnectionError, requests.Timeout):
                foe.attack()
            self._over.wait(foe.dice.uniform(*SECONDS_BETWEEN_ATTACKS))

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self._memory.look()

    def _spike(self) -> None:
        """The base fee rises, so that what was signed at a low limit cannot be mined, and falls again by itself."""
        while not self._over.wait(SPIKES_EVERY_SECONDS):
            self._node("anvil_setNextBlockBaseFeePerGas", hex(SPIKE_GWEI * GWEI))

    def _node(self, method: str, *params: Any) -> Any:
        """Asked until it answers: the attacks may keep it busy."""

        def ask() -> list[Any] | None:
            try:
                return [rpc.call(self.stack.env["RPC_URL"], method, *params)]
            except rpc.RpcUnavailable:
                return None

        (answer,) = wait_for(f"the node to answer {method}", ask)
        return answer

    def _head(self) -> int:
        return int(self._node("eth_blockNumber"), 16)

    def _post_transfer(self) -> None:
        number = self._posted
        self._posted += 1
        issuer = (self._own, self._shared)[number % 2]
        recipient, block = new_address(), self._head()
        correlation_id = f"transfer-{self.report.seed}-{number}"
        job = issuer.client.issue(to=recipient, value="1", correlationId=correlation_id, externalId=EXTERNAL_ID)
        self._transfers.append(Transfer(job["_id"], recipient, block, issuer.client))
        self.victim.job_ids.append(job["_id"])
        self.victim.correlation_ids.append(correlation_id)
        if number % 10 == 9:
            self._say(f"siege: {number + 1} transfers posted")
        self._note_final()

    def _note_final(self) -> None:
        """Take out those that are final by now, with the number of blocks that it took."""
        for transfer in list(self._transfers):
            job = transfer.client.job(transfer.job_id)
            if job["status"] not in FINAL:
                continue
            self._transfers.remove(transfer)
            blocks = self._head() - transfer.posted_at_block
            self.report.transfers += 1
            self.report.blocks["own" if transfer.client is self._own.client else "shared"].append(blocks)
            paid = int(self._node("eth_getBalance", transfer.recipient, "latest"), 16)
            if job["status"] != "succeeded" or paid != 1:
                self.report.violations.append(f"a plain transfer is {job['status']}, and {paid} wei arrived: {job}")
            if blocks > BLOCKS_ALLOWED:
                self.report.violations.append(f"a plain transfer took {blocks} blocks: {job}")

    def _await_all(self) -> None:
        """The attacks go on until the last transfer is final."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._transfers and time.monotonic() < deadline:
            self._note_final()
            self._over.wait(0.5)
        for transfer in self._transfers:
            job = transfer.client.job(transfer.job_id)
            self.report.violations.append(f"a plain transfer is not final: {job}")

    # --- when it is over --------------------------------------------------------------------------------------------------

    def _conclude(self) -> None:
        report = self.report
        for foe in self.foes:
            report.answers += foe.answers
            report.violations += [f"{foe.name}: {won}" for won in dict.fromkeys(foe.won)]
        self._memory.look()
        report.memory_mib = {self._lambda_names[name]: peak for name, peak in self._memory.peaks.items()}
        report.violations += [
            f"{name} needed {mib} MiB of its {report.memory_allowed_mib[name]}"
            for name, mib in report.memory_mib.items()
            if mib > report.memory_allowed_mib[name]
        ]
        report.violations += self._failed_invocations("ReconcileJobs")
        report.violations += self._property_lost()

    def _failed_invocations(self, function: str) -> list[str]:
        """One line for each invocation of the function that ended with an error or was cut off."""
        name = next(name for name, logical_id in self._lambda_names.items() if logical_id == function)
        configuration = aws(self.stack.env, "lambda").get_function_configuration(FunctionName=name)
        group = configuration["LoggingConfig"]["LogGroup"]
        pages = aws(self.stack.env, "logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"].strip() for page in pages for event in page["events"]]
        found = [f"{function}: {message[:300]}" for message in messages if FAILED.search(message)]
        return found if any(message.startswith("REPORT") for message in messages) else [*found, f"{function} never ran"]

    def _property_lost(self) -> list[str]:
        """What the victim's token says of its owner, and of the wallet's balance: asked of the chain."""
        wallet = self.victim.wallet.removeprefix("0x").lower().rjust(64, "0")
        token = self.victim.token_address
        owner, balance = (
            int(self._node("eth_call", {"to": token, "data": data}, "latest"), 16) for data in (OWNER, f"{BALANCE_OF}{wallet}")
        )
        found = []
        if owner != int(self._shared.account, 16):
            found.append(f"the victim's token belongs to 0x{owner:040x} now")
        if balance != IN_WALLET * COIN:
            found.append(f"the victim's wallet holds {balance} of its token now")
        return found


def siege(seed: int, seconds: float, directory: Path, say: Callable[[str], None]) -> Report:
    """On a local stack of its own, in this directory, which is ended afterwards."""
    with LocalStack(directory, say=silent) as stack:
        say("siege: the stack is up")
        prepared = Siege(stack, seed, say)
        say(f"siege: {FOES} attackers begin")
        return prepared.run(seconds)
