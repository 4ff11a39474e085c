// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";

/// @title The ERC-20 of a community: 18 decimals. Its owner mints, each holder burns.
/// @notice Anyone transfers and burns their own balance, or another's within an allowance (ERC20Burnable). Only the owner
/// mints and changes the metadata URI. Nobody, not even the owner, can move or burn a balance that is not theirs.
/// Ownership moves in two steps (offer, accept), so that it cannot move to a mistyped address. After it is renounced,
/// nobody can mint any more.
/// @dev The constructor sets everything. There is no initialiser that somebody else could call.
/// The contract does not store when a token expires and what it may be spent on. No rule of it depends on them: a stored
/// value that nothing enforces would cost gas and mislead its readers. The service keeps them.
contract CommunityToken is ERC20Burnable, Ownable2Step {
    /// @notice The URI of the token's metadata (JSON); empty when it has none.
    string public tokenURI;

    event TokenURIChanged(string tokenURI);

    /// @param initialSupply In the smallest unit (10^-18 of a token). The owner gets it.
    constructor(
        string memory name_,
        string memory symbol_,
        uint256 initialSupply,
        string memory tokenURI_,
        address owner_
    ) ERC20(name_, symbol_) Ownable(owner_) {
        tokenURI = tokenURI_;
        if (initialSupply > 0) _mint(owner_, initialSupply);
    }

    /// @notice Creates `amount` (in the smallest unit) for `to`. Only the owner may. The total supply stays below 2^256.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    /// @notice Changes the metadata URI. Only the owner may.
    function setTokenURI(string calldata to) external onlyOwner {
        tokenURI = to;
        emit TokenURIChanged(to);
    }
}
