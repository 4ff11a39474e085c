// Hardhat's node as a chain like Fuse: chain id 122, Shanghai, 20 M gas a block, a block a second, 10 gwei to begin with.
"use strict";

module.exports = {
  solidity: "0.8.26", // Hardhat asks for a compiler's version; nothing is compiled here
  networks: {
    hardhat: {
      chainId: 122,
      hardfork: "shanghai",
      blockGasLimit: 20_000_000,
      initialBaseFeePerGas: 10_000_000_000,
      mining: { auto: false, interval: 1_000 },
    },
  },
};
