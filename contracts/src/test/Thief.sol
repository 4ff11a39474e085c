// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Wallet} from "../Wallet.sol";
import {WalletFactory} from "../WalletFactory.sol";

/// Tries to own what it should not: a wallet in the transaction that makes it, a clone of its own, the shared code.
contract Thief {
    address public made;

    /// Makes the wallet of `owner` before they do, and reaches for it in the same transaction.
    function createAndInitialize(WalletFactory factory, address owner, bytes32 salt) external {
        made = factory.createWallet(owner, salt);
        Wallet(payable(made)).initialize(address(this));
    }

    /// Makes a clone of the shared code without the factory, and reaches for it.
    function cloneAndInitialize(WalletFactory factory, bytes32 salt) external {
        made = Clones.cloneDeterministic(factory.IMPLEMENTATION(), salt);
        Wallet(payable(made)).initialize(address(this));
    }

    /// The same, leaving the clone for others to try.
    function cloneOnly(WalletFactory factory, bytes32 salt) external {
        made = Clones.cloneDeterministic(factory.IMPLEMENTATION(), salt);
    }
}

/// A factory that forgets it has given a wallet its owner.
contract ForgetfulFactory {
    Wallet public immutable CODE = new Wallet();
    address public made;

    function create(address owner) external {
        made = Clones.clone(address(CODE));
        Wallet(payable(made)).initialize(owner);
    }

    function again(address owner) external {
        Wallet(payable(made)).initialize(owner);
    }

    function initializeCode(address owner) external {
        CODE.initialize(owner);
    }
}
