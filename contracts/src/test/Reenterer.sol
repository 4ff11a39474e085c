// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

/// When it is called or paid, it calls `victim` with `attack`. It stores the result for the test to read. With `insists`
/// it reverts as the call did.
contract Reenterer is IERC721Receiver {
    address public victim;
    bytes public attack;
    bool public insists;
    uint256 public tried;
    uint256 public succeeded;
    bytes public answer;

    function prepare(address victim_, bytes calldata attack_, bool insists_) external {
        (victim, attack, insists) = (victim_, attack_, insists_);
        (tried, succeeded, answer) = (0, 0, "");
    }

    receive() external payable {
        _reenter();
    }

    fallback() external payable {
        _reenter();
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        _reenter();
        return this.onERC721Received.selector;
    }

    function _reenter() private {
        bytes memory with = attack;
        ++tried;
        (bool success, bytes memory returned) = victim.call(with);
        if (success) ++succeeded;
        answer = returned;
        if (!success && insists) {
            assembly ("memory-safe") {
                revert(add(returned, 0x20), mload(returned))
            }
        }
    }
}
