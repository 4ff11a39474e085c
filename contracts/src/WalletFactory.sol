// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Wallet} from "./Wallet.sol";

/// @title Creates wallets at addresses that are known before, and that follow from owner and salt alone.
/// @notice Anyone may create the wallet of any owner: whoever pays for it, it is the owner's and stands at the owner's
/// address for that salt. There is nothing to gain by being first, and what was sent to the address before is in it.
/// The factory has no right over a wallet once it is made.
contract WalletFactory {
    /// @notice The code that all wallets share.
    address public immutable IMPLEMENTATION;

    /// @param salt As it was given to `createWallet`.
    event WalletCreated(address indexed wallet, address indexed owner, bytes32 salt);
    /// @notice Nothing was created: the wallet was there and is the owner's.
    event WalletExisted(address indexed wallet, address indexed owner, bytes32 salt);

    /// @notice The wallet was there, and its first owner has handed it on to `owner`.
    error WalletHandedOver(address wallet, address owner);

    constructor() {
        IMPLEMENTATION = address(new Wallet());
    }

    /// @notice Sees to it that `owner` has the wallet of `salt`: when this returns, the wallet is there and is theirs.
    /// @dev A second call succeeds. A job that is tried again must get to where the first try would have got; and if it
    /// failed on a wallet that is there, anybody could make a job fail by running its call first. The receipt names the
    /// wallet each time, and says by the event which of the two happened: whoever counts wallets counts WalletCreated.
    /// @param owner Not zero.
    /// @param salt Any; one owner has one wallet for each.
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

    /// @notice Where the wallet of `owner` and `salt` is, or will be.
    function walletAddress(address owner, bytes32 salt) public view returns (address) {
        return Clones.predictDeterministicAddress(IMPLEMENTATION, _saltOf(owner, salt));
    }

    /// @dev The owner is part of the salt of CREATE2: no other owner's wallet can come to stand at this address.
    function _saltOf(address owner, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(owner, salt));
    }
}
