// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title What a user of a community holds: a wallet whose calls its owner, the issuer's account, makes.
/// @notice Receives native coins, ERC-20, ERC-721 and ERC-1155 from anybody. Only the owner makes it call, one call or
/// several, and only the owner hands it on: in two steps, so that a mistyped address cannot take it.
/// @dev Behind a minimal clone (EIP-1167) that its factory makes; this contract itself is only the code they share, has
/// no owner and can get none.
///
/// Reentrancy: a contract that is called may call back, but everything that acts asks for the owner, and a callee is not
/// the owner. Nothing is stored during a call that a later step reads: the rest of a batch stands in its calldata, where
/// no callee reaches it. So there is no state in between to meet, and no lock to pay for. The wallet is not its own owner
/// either: calls to itself are refused like a stranger's.
contract Wallet is Ownable2Step, ERC721Holder, ERC1155Holder {
    /// @notice One call of a batch; `value` in wei, from the wallet's own balance.
    struct Call {
        address to;
        uint256 value;
        bytes data;
    }

    /// @notice The only contract that may give a clone its first owner.
    address public immutable FACTORY;

    /// @dev Run by the factory, once, for the code that the clones share. Clones never run it.
    constructor() Ownable(msg.sender) {
        FACTORY = msg.sender;
        _transferOwnership(address(0));
    }

    /// @dev Empty: the sender of a plain transfer may leave no more than 2,300 gas. (Where it leaves no more and the
    /// shared code was not used in the transaction before, a clone cannot receive at all: EIP-2929 prices the first
    /// visit at 2,600.)
    receive() external payable {}

    /// @notice Gives a new clone its owner. Only the factory, in the transaction that makes the clone, and only once.
    /// @dev The factory's address is in the shared code, so it holds for clones that others make of it, too: those can
    /// never have an owner.
    function initialize(address owner_) external {
        if (msg.sender != FACTORY || owner() != address(0)) revert OwnableUnauthorizedAccount(msg.sender);
        if (owner_ == address(0)) revert OwnableInvalidOwner(address(0));
        _transferOwnership(owner_);
    }

    /// @notice Makes the wallet call `to` with `data` and `value` wei of its own. Only the owner.
    /// @return What the callee returned. What it reverts with is passed on unchanged; a revert without data is FailedCall().
    /// @dev Data for an address without code is refused (AddressEmptyCode), which would else look like a success: the
    /// transfer of a token that is not there. Without data it is a payment, to whatever address.
    function execute(address to, uint256 value, bytes calldata data) external onlyOwner returns (bytes memory) {
        return _call(to, value, data);
    }

    /// @notice Several calls in order, all or none. Only the owner.
    /// @return results What each of them returned.
    function executeBatch(Call[] calldata calls) external onlyOwner returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = _call(calls[i].to, calls[i].value, calls[i].data);
        }
    }

    /// @notice Refused: what a wallet without an owner holds would be lost.
    function renounceOwnership() public view override onlyOwner {
        revert OwnableInvalidOwner(address(0));
    }

    /// @notice ERC-165: ERC-165 itself and the receivers of ERC-721 and ERC-1155.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC721Receiver).interfaceId || super.supportsInterface(interfaceId);
    }

    function _call(address to, uint256 value, bytes calldata data) private returns (bytes memory) {
        if (data.length > 0) return Address.functionCallWithValue(to, data, value);
        Address.sendValue(payable(to), value);
        return "";
    }
}
