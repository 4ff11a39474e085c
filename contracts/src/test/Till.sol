// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// Keeps native coins for whoever pays them in, and gives them back with no more gas than a plain transfer has: 2,300.
contract Till {
    mapping(address payer => uint256) public paid;

    function pay() external payable {
        paid[msg.sender] += msg.value;
    }

    function withdraw() external {
        uint256 amount = paid[msg.sender];
        paid[msg.sender] = 0;
        _send(msg.sender, amount);
    }

    /// To an address that the transaction has not visited before.
    function forward(address to) external payable {
        _send(to, msg.value);
    }

    function _send(address to, uint256 amount) private {
        (bool sent,) = to.call{value: amount, gas: 0}(""); // the stipend is added by the EVM
        require(sent, "Till: not taken");
    }
}
