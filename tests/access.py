"""Who may do what: each route with the status that each caller gets. The access test asks it, and docs/api.md shows it.

A job, a wallet or an ERC-20 token that a path names belongs to the issuer. The community admin is the same issuer, with the
claim `isCommunityAdmin` in its JWT. The other community admin is the other issuer with that claim.
"""

from collections.abc import Mapping

CALLERS = (
    "no JWT",
    "expired JWT",
    "issuer",
    "another issuer",
    "community admin",
    "another community admin",
    "admin",
)

ACCESS: Mapping[str, tuple[int, int, int, int, int, int, int]] = {
    "POST /api/v2/jobs": (401, 401, 201, 201, 201, 201, 201),
    "GET /api/v2/jobs": (401, 401, 200, 200, 200, 200, 200),
    "GET /api/v2/jobs/{jobId}": (401, 401, 200, 404, 200, 404, 200),
    "GET /api/v2/jobs/correlationId/{correlationId}": (401, 401, 200, 404, 200, 404, 200),
    "GET /api/v2/jobs/external": (401, 401, 200, 200, 200, 200, 200),
    "GET /api/v2/jobs/retry": (401, 401, 200, 200, 200, 200, 200),
    "POST /api/v2/jobs/retry": (401, 401, 200, 200, 200, 200, 200),
    "GET /api/v2/jobs/retry/{jobId}": (401, 401, 200, 404, 200, 404, 200),
    "POST /api/v2/jobs/retry/{jobId}": (401, 401, 200, 404, 200, 404, 200),
    "POST /api/v2/jobs/cancel/{jobId}": (401, 401, 200, 404, 200, 404, 200),
    "POST /api/v2/admin/tokens/create": (401, 401, 403, 403, 201, 201, 201),
    "POST /api/v2/admin/tokens/mint": (401, 401, 403, 403, 201, 400, 201),
    "POST /api/v2/admin/tokens/burn": (401, 401, 403, 403, 201, 400, 201),
    "POST /api/v2/admin/tokens/transfer": (401, 401, 403, 403, 201, 400, 201),
    "GET /api/v2/admin/tokens/{tokenAddress}": (401, 401, 403, 403, 200, 200, 200),
    "GET /api/v2/admin/tokens/owner/{ownerAddress}": (401, 401, 403, 403, 200, 200, 200),
    "POST /api/v2/admin/wallets/create": (401, 401, 403, 403, 201, 201, 201),
    "GET /api/v2/admin/wallets/{phoneNumber}": (401, 401, 403, 403, 200, 404, 404),
    "GET /api/v2/admin/wallets/all/{phoneNumber}": (401, 401, 403, 403, 200, 200, 200),
    "GET /api/v2/admin/wallets/exists/{walletAddress}": (401, 401, 403, 403, 200, 200, 200),
    "GET /api/v2/accounts": (401, 401, 403, 403, 403, 403, 200),
    "POST /api/v2/accounts": (401, 401, 403, 403, 403, 403, 201),
    "POST /api/v2/accounts/unlock": (401, 401, 403, 403, 403, 403, 200),
    "GET /health": (200, 200, 200, 200, 200, 200, 200),
    "GET /openapi.json": (200, 200, 200, 200, 200, 200, 200),
    "GET /docs": (200, 200, 200, 200, 200, 200, 200),
}
