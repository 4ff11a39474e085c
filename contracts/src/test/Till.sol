// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// Keeps native coins for each payer. It pays them back with the gas of a plain transfer only: 2,300.
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

    /// Pays to an address that the transaction has not accessed before.
    function forward(address to) external payable {
        _send(to, msg.value);
    }

    function _send(address to, uint256 amount) private {
        (bool sent,) = to.call{value: amount, gas: 0}(""); // the EVM adds the stipend of 2,300
        require(sent, "Till: not taken");
    }
}
