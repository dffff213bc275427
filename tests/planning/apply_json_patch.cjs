// Apply the RFC 6902 document of every plan with fast-json-patch and compare with the plan's config.
// Arguments: the folder that fast-json-patch is installed in, the file with a plan on each line.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const [, , installed, plans] = process.argv;
const jsonpatch = require(path.resolve(installed, "node_modules", "fast-json-patch"));

async function main() {
  const lines = readline.createInterface({ input: fs.createReadStream(plans) });
  let count = 0;
  for await (const line of lines) {
    const { before, edits, after } = JSON.parse(line);
    const validated = true;
    const patched = jsonpatch.applyPatch(before, edits, validated).newDocument;
    assert.deepStrictEqual(patched, after, `plan ${count + 1}`);
    count += 1;
  }
  console.log(`${count} plans agree`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
