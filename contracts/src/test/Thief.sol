// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Wallet} from "../Wallet.sol";
import {WalletFactory} from "../WalletFactory.sol";

/// Tries to become the owner of a wallet in the transaction that creates it, and of a clone that it makes itself.
contract Thief {
    address public made;

    /// Creates the wallet of `owner` first, and tries to initialize it in the same transaction.
    function createAndInitialize(WalletFactory factory, address owner, bytes32 salt) external {
        made = factory.createWallet(owner, salt);
        Wallet(payable(made)).initialize(address(this));
    }

    /// Makes a clone of the shared code without the factory, and tries to initialize it.
    function cloneAndInitialize(WalletFactory factory, bytes32 salt) external {
        made = Clones.cloneDeterministic(factory.IMPLEMENTATION(), salt);
        Wallet(payable(made)).initialize(address(this));
    }

    /// Makes such a clone only, so that others can try.
    function cloneOnly(WalletFactory factory, bytes32 salt) external {
        made = Clones.cloneDeterministic(factory.IMPLEMENTATION(), salt);
    }
}

/// A factory that initializes a wallet more than once.
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
