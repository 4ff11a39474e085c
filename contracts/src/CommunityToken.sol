// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";

/// @title The ERC-20 of a community: 18 decimals, minted by its owner, burned by whoever holds it.
/// @notice Anyone transfers and burns their own balance, or another's within an allowance (ERC20Burnable). Only the owner
/// mints and changes the metadata URI; nobody, the owner included, touches a balance that is not theirs.
/// Ownership moves in two steps (offer, accept), so that a mistyped address cannot take it; renouncing it fixes the
/// supply to what can only be burned from then on.
/// @dev Everything is set in the constructor: there is no initialiser to be called first, or again, by anybody.
/// When a token expires and what it may be spent on are not in here: no rule of this contract depends on them, and a
/// stored promise that nothing enforces would cost its writer gas and mislead its reader. The service keeps them.
contract CommunityToken is ERC20Burnable, Ownable2Step {
    /// @notice Where the token's metadata (JSON) is; empty when it has none.
    string public tokenURI;

    event TokenURIChanged(string tokenURI);

    /// @param initialSupply In the smallest unit (10^-18 of a token); the owner's from the start.
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

    /// @notice Creates `amount` (in the smallest unit) for `to`. Only the owner; the total supply stays below 2^256.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    /// @notice Points to other metadata. Only the owner.
    function setTokenURI(string calldata to) external onlyOwner {
        tokenURI = to;
        emit TokenURIChanged(to);
    }
}
