/** @file Writes the catalog of the built package (see `context/catalog.ts`); a step of the build. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { allLists } from './commands/list-entries.js';
import { CATALOG_URL, type Catalog } from './context/catalog.js';
import { createCli } from './context/context.js';
import { packageVersion } from './context/package-version.js';
import { createProgram } from './create-program.js';

const silent = { write: () => undefined };
const streams = { stdout: silent, stderr: silent, cwd: '.', env: {}, signal: new AbortController().signal };
const program = createProgram(streams);
const [command] = program.commands as [Command];
const catalog: Catalog = {
  version: packageVersion(),
  commands: program.commands.map((each) => ({
    name: each.name(),
    doc: each.description(),
    args: each.registeredArguments.map((argument) => {
      const name = argument.variadic ? `${argument.name()}...` : argument.name();
      return argument.required ? `<${name}>` : `[${name}]`;
    }),
    hasFlags: each.options.length > 0,
    group: each.helpGroup(),
  })),
  lists: await allLists(createCli(command, streams, { file: null, plugins: [], defaults: {} }, [])),
};
writeFileSync(CATALOG_URL, JSON.stringify(catalog));
