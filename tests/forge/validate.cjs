// Runs Atlassian's own validators on a Forge manifest, as the Forge CLI does before it deploys.
//
//   node validate.cjs FOLDER MANIFEST
//
// FOLDER has the packages of package-lock.json in its node_modules. Prints one finding a line and ends with 1 if
// there is one. Must not judge anything itself.
"use strict";

const { createRequire } = require("node:module");
const { join, resolve } = require("node:path");

const [folder, manifest] = process.argv.slice(2).map((argument) => resolve(argument));
const { ProcessorBuilder } = createRequire(join(folder, "package.json"))("@forge/manifest");

const processor = ProcessorBuilder.instance().withValidation("full").withOptions({}).build();
processor.process(manifest).then(({ success, errors = [] }) => {
  for (const { level, line, message } of errors) console.log(`${level}, line ${line}: ${message}`);
  process.exitCode = success && errors.length === 0 ? 0 : 1;
});
