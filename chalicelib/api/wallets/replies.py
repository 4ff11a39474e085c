"""What replies about wallets look like. Only the API reference imports this module."""

from typing_extensions import TypedDict

from chalicelib.api.schema.texts import AddressText, HashText, JobIdText, TimeText


class WalletView(TypedDict):
    """A wallet of the issuer. `owner` is the account that may make it act."""

    walletAddress: AddressText
    owner: AddressText
    phoneNumber: str
    salt: HashText
    blockNumber: int
    createdAt: TimeText
    jobId: JobIdText


class WalletExistsView(TypedDict):
    walletAddress: AddressText
    exists: bool


class OneWallet(TypedDict):
    data: WalletView


class Wallets(TypedDict):
    data: list[WalletView]


class WalletExists(TypedDict):
    data: WalletExistsView
