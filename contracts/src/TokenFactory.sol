// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {CommunityToken} from "./CommunityToken.sol";

/// @title Creates community tokens, each owned by the account that asked for it.
/// @notice Anyone may create a token, for themselves only. The factory stores nothing and has no rights over the tokens.
/// @dev Each token is a whole contract, not a clone of one. By measurement, a clone saves 640,000 gas once, and costs 2,700
/// more in each call: after 240 calls it is more expensive. And the constructor sets up a whole contract, so there is no
/// initialiser that somebody else could call first.
/// Addresses follow from the factory's nonce, which other callers advance, too: take the address from the event.
contract TokenFactory {
    /// @param initialSupply In the smallest unit (10^-18 of a token). The owner gets it.
    event TokenCreated(
        address indexed token, address indexed owner, string name, string symbol, uint256 initialSupply, string tokenURI
    );

    /// @notice Creates a token with 18 decimals. The sender owns it and its initial supply. Each call creates another token.
    /// @param initialSupply In the smallest unit (10^-18 of a token); may be 0.
    /// @param tokenURI The URI of its metadata; may be empty.
    function createToken(string calldata name, string calldata symbol, uint256 initialSupply, string calldata tokenURI)
        external
        returns (address token)
    {
        token = address(new CommunityToken(name, symbol, initialSupply, tokenURI, msg.sender));
        emit TokenCreated(token, msg.sender, name, symbol, initialSupply, tokenURI);
    }
}
