/** @file Checks that hold for whatever a plugin contributes: its name, its doc and its option table. */

import { optionDefaults, parseOptions } from '../plugin/option-values.js';
import type { OptionTable } from '../plugin/options.js';
import { type ContractCheck, require } from './contract.js';

/** What these checks need of a contribution. */
export interface Named {
  readonly name: string;
  readonly doc: string;
  readonly options: OptionTable;
}

const SHORTEST_DOC = 8;

/** Name in kebab-case, a doc of one line, and a table whose defaults pass its own validation. */
export function contributionChecks(contribution: Named): ContractCheck[] {
  return [
    {
      name: 'has a kebab-case name and a one-line doc',
      async run() {
        const { name, doc } = contribution;
        require(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(
          name,
        ), 'the name is not usable on a command line', 'kebab-case', name);
        requireDoc(doc, `the doc of ${name}`);
      },
    },
    {
      name: 'has options with docs, and defaults that pass their own validation',
      async run() {
        const { options, name } = contribution;
        for (const [option, spec] of Object.entries(options)) {
          require(/^[a-z][A-Za-z0-9]*$/.test(option), 'an option is not named in camelCase', 'camelCase', option);
          requireDoc(spec.doc, `the doc of option ${option}`);
        }
        const parsed = parseOptions(options, optionDefaults(options), name);
        const asText = Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]));
        const again = parseOptions(options, asText, name);
        require(JSON.stringify(again) ===
          JSON.stringify(parsed), 'defaults do not survive being written as text', JSON.stringify(
          parsed,
        ), JSON.stringify(again));
      },
    },
  ];
}

function requireDoc(doc: string, what: string): void {
  const expected = `one line of at least ${SHORTEST_DOC} characters, which says something`;
  require(doc.trim().length >= SHORTEST_DOC && !doc.includes('\n'), what, expected, JSON.stringify(doc));
}
