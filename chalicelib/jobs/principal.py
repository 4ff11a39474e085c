"""Who is asking, as the domain sees it: made from a token by `chalicelib.auth`, free of its format."""

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
        """Who signs where a request names nobody, as a fingerprint tells it: of a pool any account will do, so the pool is
        named and not the account that was chosen.
        """
        return self.account_address if self.role is None else f"pool:{self.role}"

    def may_see(self, job: Job) -> bool:
        return self.is_admin or job.owner == self.owner

    def may_sign_with(self, account: Account) -> bool:
        """Its token's own account, an account that belongs to it, or one of its role's pool; an admin: any.

        An account that belongs to somebody is in no pool, whatever its role says.
        """
        if self.is_admin or account.address == self.account_address:
            return True
        if account.owner is not None:
            return account.owner == self.owner
        return account.role is not None and account.role == self.role
