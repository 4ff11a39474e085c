// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";

/// The part of an ERC-721 that transfers a token: it asks the receiver, as the standard says. (OpenZeppelin's own ERC-721
/// needs the instruction MCOPY, which chains before Cancun lack.)
contract Collectible {
    mapping(uint256 id => address) public ownerOf;

    function mint(address to, uint256 id) external {
        ownerOf[id] = to;
        ERC721Utils.checkOnERC721Received(msg.sender, address(0), to, id, "");
    }

    function safeTransferFrom(address from, address to, uint256 id) external {
        require(msg.sender == from && ownerOf[id] == from, "Collectible: not yours");
        ownerOf[id] = to;
        ERC721Utils.checkOnERC721Received(msg.sender, from, to, id, "");
    }
}

/// The same part of an ERC-1155, for one id or several.
contract Collection {
    mapping(address owner => mapping(uint256 id => uint256)) public balanceOf;

    function mint(address to, uint256 id, uint256 amount) external {
        balanceOf[to][id] += amount;
        ERC1155Utils.checkOnERC1155Received(msg.sender, address(0), to, id, amount, "");
    }

    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external {
        for (uint256 i = 0; i < ids.length; ++i) {
            balanceOf[to][ids[i]] += amounts[i];
        }
        ERC1155Utils.checkOnERC1155BatchReceived(msg.sender, address(0), to, ids, amounts, "");
    }

    function safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes calldata data) external {
        require(msg.sender == from, "Collection: not yours");
        balanceOf[from][id] -= amount;
        balanceOf[to][id] += amount;
        ERC1155Utils.checkOnERC1155Received(msg.sender, from, to, id, amount, data);
    }
}
