// Compiles src/*.sol with solc's standard JSON into out/<Contract>.json {abi, bytecode}. `node compile.js test <directory>`
// compiles src/test/*.sol into that directory instead: what only tests deploy never comes near the other artefacts.
// The same sources and lock give the same bytes: no metadata hash is appended.
// For London, whose code holds no PUSH0 (Shanghai): it runs on every chain from Berlin on, since no source reads the base fee.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

const SOURCES = path.join(__dirname, "src");
const OUT = path.join(__dirname, "out");
const [folder = "", target = OUT] = process.argv.slice(2);

function importFile(name) {
  try {
    const ours = path.join(SOURCES, name);
    const file = fs.existsSync(ours) ? ours : require.resolve(name, { paths: [__dirname] });
    return { contents: fs.readFileSync(file, "utf8") };
  } catch {
    return { error: `${name} is not installed` };
  }
}

const inFolder = fs.readdirSync(path.join(SOURCES, folder)).filter((file) => file.endsWith(".sol")).sort();
const files = inFolder.map((file) => path.posix.join(folder, file));
const input = {
  language: "Solidity",
  sources: Object.fromEntries(files.map((file) => [file, { content: fs.readFileSync(path.join(SOURCES, file), "utf8") }])),
  settings: {
    evmVersion: "london",
    optimizer: { enabled: true, runs: 200 },
    metadata: { appendCBOR: false, bytecodeHash: "none" },
    outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input), { import: importFile }));
const problems = output.errors ?? [];
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length > 0) process.exit(1); // warnings too: they are never looked at otherwise

if (target === OUT) fs.rmSync(OUT, { recursive: true, force: true }); // no artefact outlives its source
fs.mkdirSync(target, { recursive: true });
for (const file of files) {
  for (const [name, contract] of Object.entries(output.contracts[file])) {
    const artifact = { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
    fs.writeFileSync(path.join(target, `${name}.json`), `${JSON.stringify(artifact, null, 2)}\n`);
  }
}
