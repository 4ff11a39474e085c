// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title The wallet of a user of a community. Its owner, the issuer's account, makes its calls.
/// @notice Receives native coins, ERC-20, ERC-721 and ERC-1155 from anybody. Only the owner can make it call, one contract
/// or several. Only the owner can transfer it: in two steps, so that it cannot go to a mistyped address.
/// @dev Each wallet is a minimal clone (EIP-1167) that the factory makes. This contract is only the code that the clones
/// share. It has no owner and can never have one.
///
/// Reentrancy: a callee may call back, but every function that acts requires the owner, and a callee is not the owner.
/// No call stores anything that a later step reads: the rest of a batch is in its calldata, which no callee can change.
/// So a callee never sees a half-changed state, and no lock is needed. The wallet is not its own owner either: calls to
/// itself are refused like a stranger's.
contract Wallet is Ownable2Step, ERC721Holder, ERC1155Holder {
    /// @notice One call of a batch; `value` in wei, from the wallet's own balance.
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    /// @notice The only contract that may give a clone its first owner.
    address public immutable FACTORY;

    /// @dev The factory runs it once, for the code that the clones share. Clones never run it.
    constructor() Ownable(msg.sender) {
        FACTORY = msg.sender;
        _transferOwnership(address(0));
    }

    /// @dev Empty, because the sender of a plain transfer may leave only 2,300 gas. (If it does, a clone can receive only
    /// when the same transaction used the shared code before: the first access costs 2,600 gas, EIP-2929.)
    receive() external payable {}

    /// @notice Gives a new clone its owner. Only the factory may, once, in the transaction that makes the clone.
    /// @dev The factory's address is in the shared code. So the rule also holds for clones that others make of it: those
    /// can never have an owner.
    function initialize(address owner_) external {
        if (msg.sender != FACTORY || owner() != address(0)) revert OwnableUnauthorizedAccount(msg.sender);
        if (owner_ == address(0)) revert OwnableInvalidOwner(address(0));
        _transferOwnership(owner_);
    }

    /// @notice Makes the wallet call `to` with `data` and `value` wei of its own balance. Only the owner may.
    /// @return What the callee returned. A revert is passed on unchanged; a revert without data becomes FailedCall().
    /// @dev A call with data to an address without code is refused (AddressEmptyCode). It would look like a success, such
    /// as a transfer of a token that does not exist. A call without data is a payment, and may go to any address.
    function execute(address to, uint256 value, bytes calldata data) external onlyOwner returns (bytes memory) {
        return _call(to, value, data);
    }

    /// @notice Makes several calls in order, all or none. Only the owner may.
    /// @return results What each call returned.
    function executeBatch(Call[] calldata calls) external onlyOwner returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = _call(calls[i].to, calls[i].value, calls[i].data);
        }
    }

    /// @notice Always reverts: what a wallet without an owner holds would be lost.
    function renounceOwnership() public view override onlyOwner {
        revert OwnableInvalidOwner(address(0));
    }

    /// @notice ERC-165: true for ERC-165 itself, and for the receivers of ERC-721 and ERC-1155.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC721Receiver).interfaceId || super.supportsInterface(interfaceId);
    }

    function _call(address to, uint256 value, bytes calldata data) private returns (bytes memory) {
        if (data.length > 0) return Address.functionCallWithValue(to, data, value);
        Address.sendValue(payable(to), value);
        return "";
    }
}
