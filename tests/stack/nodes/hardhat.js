// Starts Hardhat's command line in this directory: it runs nowhere but in a project.
"use strict";

process.chdir(__dirname);
require("hardhat/internal/cli/bootstrap");
