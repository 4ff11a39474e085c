// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Wallet} from "./Wallet.sol";

/// @title Creates wallets. A wallet's address follows from owner and salt, so it is known before the wallet exists.
/// @notice Anyone may create the wallet of any owner. It belongs to that owner, no matter who pays for it, so nobody gains
/// by being first. It holds what was sent to its address before. The factory has no rights over a wallet once it exists.
contract WalletFactory {
    /// @notice The code that all wallets share.
    address public immutable IMPLEMENTATION;

    /// @param salt The argument of `createWallet`.
    event WalletCreated(address indexed wallet, address indexed owner, bytes32 salt);
    /// @notice Nothing was created: the wallet existed, and belongs to the owner.
    event WalletExisted(address indexed wallet, address indexed owner, bytes32 salt);

    /// @notice The wallet existed, and was transferred to `owner`.
    error WalletHandedOver(address wallet, address owner);

    constructor() {
        IMPLEMENTATION = address(new Wallet());
    }

    /// @notice Creates the wallet of `owner` for `salt`, unless it exists. When this returns, it exists and is theirs.
    /// @dev A second call succeeds, so that a job can be retried. If it failed, anybody could make a job fail by making the
    /// same call first. The event in the receipt names the wallet, and tells which of the two happened. To count wallets,
    /// count WalletCreated.
    /// @param owner Not zero.
    /// @param salt Any value. An owner has one wallet for each.
    function createWallet(address owner, bytes32 salt) external returns (address wallet) {
        wallet = walletAddress(owner, salt);
        if (wallet.code.length == 0) {
            Clones.cloneDeterministic(IMPLEMENTATION, _saltOf(owner, salt));
            Wallet(payable(wallet)).initialize(owner);
            emit WalletCreated(wallet, owner, salt);
            return wallet;
        }
        address current = Wallet(payable(wallet)).owner();
        if (current != owner) revert WalletHandedOver(wallet, current);
        emit WalletExisted(wallet, owner, salt);
    }

    /// @notice The address that the wallet of `owner` and `salt` has, or will have.
    function walletAddress(address owner, bytes32 salt) public view returns (address) {
        return Clones.predictDeterministicAddress(IMPLEMENTATION, _saltOf(owner, salt));
    }

    /// @dev The owner is part of the CREATE2 salt: no other owner's wallet can have the same address.
    function _saltOf(address owner, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(owner, salt));
    }
}
