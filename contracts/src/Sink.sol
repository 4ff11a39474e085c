// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

/// The stack tests send jobs to it. It counts what happened, and fails in every way that a contract can.
contract Sink {
    /// Calls of `hit` and its variants, by id. 1 means exactly once.
    mapping(bytes32 id => uint256) public hits;
    uint256 public total;
    /// Wei received through `receive` or `pay`, by sender.
    mapping(address sender => uint256) public paid;
    bool public closed;

    event Hit(bytes32 indexed id, address indexed sender, uint256 count);
    event Paid(address indexed sender, uint256 value);

    error TooLittle(uint256 available, uint256 required);
    error NotWanted(address who, string why);
    error Bare();

    receive() external payable {
        _pay();
    }

    function pay() external payable {
        _pay();
    }

    function hit(bytes32 id) public {
        uint256 count = ++hits[id];
        ++total;
        emit Hit(id, msg.sender, count);
    }

    /// Reverts when `id` was hit before.
    function hitOnce(bytes32 id) external {
        require(hits[id] == 0, "Sink: already hit");
        hit(id);
    }

    /// Reverts in every block after `lastBlock`.
    function hitUntil(bytes32 id, uint256 lastBlock) external {
        require(block.number <= lastBlock, "Sink: too late");
        hit(id);
    }

    /// Reverts until `needed` was hit: for a job that depends on an earlier one.
    function hitAfter(bytes32 id, bytes32 needed) external {
        require(hits[needed] > 0, "Sink: too early");
        hit(id);
    }

    /// Succeeds in a simulation without a gas price, and reverts when it is mined.
    function revertWhenMined(bytes32 id) external {
        require(tx.gasprice == 0, "Sink: not when it counts");
        hit(id);
    }

    /// Reverts while `closed` is set. It may be set after the simulation, before the transaction is mined.
    function hitWhileOpen(bytes32 id) external {
        require(!closed, "Sink: closed");
        hit(id);
    }

    function setClosed(bool to) external {
        closed = to;
    }

    function revertWithText(string calldata text) external pure {
        revert(text);
    }

    function revertTooLittle(uint256 available, uint256 required) external pure {
        revert TooLittle(available, required);
    }

    function revertNotWanted(string calldata why) external view {
        revert NotWanted(msg.sender, why);
    }

    function revertBare() external pure {
        revert Bare();
    }

    function revertSilently() external pure {
        revert();
    }

    /// Panic(0x01).
    function panicAssert() external pure {
        assert(false);
    }

    /// Panic(0x12) when `b` is 0.
    function divide(uint256 a, uint256 b) external pure returns (uint256) {
        return a / b;
    }

    function _pay() private {
        paid[msg.sender] += msg.value;
        emit Paid(msg.sender, msg.value);
    }
}
