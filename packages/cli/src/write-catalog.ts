/** @file Writes the catalog of the built package (see `context/catalog.ts`); a step of the build. */
import { writeFileSync } from 'node:fs';
import { Registry } from '@auto-circuit/core/startup';
import { allLists } from './commands/list.js';
import { CATALOG_URL, type Catalog } from './context/catalog.js';
import { useFirstPartyPlugins } from './context/first-party.js';
import { packageVersion } from './context/package-version.js';
import { createProgram } from './create-program.js';

const silent = { write: () => undefined };
const streams = { stdout: silent, stderr: silent, cwd: '.', env: {}, signal: new AbortController().signal };
const registry = await useFirstPartyPlugins(new Registry());
const catalog: Catalog = {
  version: packageVersion(),
  commands: createProgram(streams).commands.map((command) => ({
    name: command.name(),
    doc: command.description(),
    args: command.registeredArguments.map((argument) => {
      const name = argument.variadic ? `${argument.name()}...` : argument.name();
      return argument.required ? `<${name}>` : `[${name}]`;
    }),
    hasFlags: command.options.length > 0,
    group: command.helpGroup(),
  })),
  lists: await allLists({ registry: () => Promise.resolve(registry) }),
};
writeFileSync(CATALOG_URL, JSON.stringify(catalog));
