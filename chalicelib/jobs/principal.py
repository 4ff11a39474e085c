"""The caller of a request, as the domain sees it. `chalicelib.auth` makes it from a JWT."""

from dataclasses import dataclass

from chalicelib.jobs.model import Account, Job


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `owner` is the identity that owns jobs, `account_address` the default signing account."""

    owner: str
    account_address: str
    is_admin: bool = False
    is_community_admin: bool = False
    role: str | None = None
    app_name: str | None = None

    @property
    def default_signer(self) -> str:
        """The signer in the fingerprint of a request that names none. Any account of a pool will do, so this is the pool."""
        return self.account_address if self.role is None else f"pool:{self.role}"

    def may_see(self, job: Job) -> bool:
        return self.is_admin or job.owner == self.owner

    def may_sign_with(self, account: Account) -> bool:
        """True for the JWT's own account, an account of this owner, and an account of its role's pool. An admin may use any.

        An account with an owner is in no pool, whatever its role is.
        """
        if self.is_admin or account.address == self.account_address:
            return True
        if account.owner is not None:
            return account.owner == self.owner
        return account.role is not None and account.role == self.role
