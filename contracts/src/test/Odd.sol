// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";

/// Wraps native coins. Its fallback takes any call, as that of WETH9 does: a mint or a burn succeeds and does nothing.
contract AcceptsAnything is ERC20 {
    constructor() ERC20("Wrapped", "WRAP") {}

    fallback() external {}

    receive() external payable {
        _mint(msg.sender, msg.value);
    }
}

/// A proxy: its own code does not show which functions it has.
contract Hidden {
    address private immutable BEHIND;

    constructor(address behind) {
        BEHIND = behind;
    }

    fallback() external {
        address behind = BEHIND;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let done := delegatecall(gas(), behind, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(done) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

/// Anybody mints. A transfer returns false and moves nothing.
contract ReturnsFalse is ERC20Burnable {
    constructor() ERC20("Refusing", "NO") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// Anybody mints. The contract keeps a tenth of each transfer.
contract TakesAFee is ERC20Burnable {
    constructor() ERC20("Taxed", "TAX") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _transfer(msg.sender, address(this), amount / 10);
        _transfer(msg.sender, to, amount - amount / 10);
        return true;
    }
}

/// A token without decimals(). The spelling of its name needs an invisible character. Anybody mints.
contract NoDecimals {
    string public constant name = unicode"می\u200cخ";
    string public constant symbol = "NODEC";
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 amount) external {
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }
}
