// Runs Atlassian's own validators on Forge manifests, as the Forge CLI does before it deploys.
//
//   node validate.cjs FOLDER MANIFEST...
//
// FOLDER has the packages of package-lock.json in its node_modules. Prints for each manifest, in their order, a line with
// the list of its findings in JSON, and ends with 1 if one does not pass. Must not judge anything itself.
"use strict";

const { createRequire } = require("node:module");
const { join, resolve } = require("node:path");

const [folder, ...manifests] = process.argv.slice(2).map((argument) => resolve(argument));
const { ProcessorBuilder } = createRequire(join(folder, "package.json"))("@forge/manifest");

async function validateAll() {
  for (const manifest of manifests) {
    const processor = ProcessorBuilder.instance().withValidation("full").withOptions({}).build();
    const { success, errors = [] } = await processor.process(manifest);
    console.log(JSON.stringify(errors.map(({ level, line, message }) => `${level}, line ${line}: ${message}`)));
    if (!success || errors.length > 0) process.exitCode = 1;
  }
}

validateAll();
