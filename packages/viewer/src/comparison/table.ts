/** @file The table of runs in the report of many: what each was asked, what it kept, where its own report is. */
import { fromJsonNumber } from '@auto-circuit/core/run';
import { count, escapeHtml, shortNumber } from '../markup/text.js';
import { namedText } from '../sections/run-facts.js';
import type { ComparedRun } from './series.js';

interface Column {
  readonly title: string;
  readonly number?: boolean;
  readonly text: (run: ComparedRun) => string;
}

/** Faithfulness of the circuit that was kept; null where it was not measured. */
export function faithfulnessOf({ input }: ComparedRun): number | null {
  const kept = input.circuit.edges.length;
  const value = input.measurements[0]?.points.find(({ edges }) => edges === kept)?.faithfulness;
  return value === undefined ? null : fromJsonNumber(value);
}

const COLUMNS: readonly Column[] = [
  { title: 'model', text: ({ input }) => input.run.asked.model.name },
  { title: 'algorithm', text: ({ input }) => namedText(input.run.asked.algo) },
  { title: 'objective', text: ({ input }) => input.run.asked.objective },
  { title: 'patching', text: ({ input }) => `${input.run.asked.patchType}, ${input.run.asked.ablation}` },
  { title: 'prompts', number: true, text: ({ input: { run } }) => `${run.prompts.train} + ${run.prompts.test}` },
  { title: 'seed', number: true, text: ({ input }) => `${input.run.asked.seed}` },
  { title: 'edges kept', number: true, text: ({ input }) => count(input.circuit.edges.length) },
  { title: 'edges of the graph', number: true, text: ({ input }) => count(input.graph.edgeCount) },
  {
    title: 'faithfulness',
    number: true,
    text: (run) => {
      const value = faithfulnessOf(run);
      return value === null ? '' : shortNumber(value);
    },
  },
  { title: 'backend', text: ({ input }) => `${input.run.asked.backend.name} on ${input.run.asked.backend.device}` },
];

/** The table, with what all runs have in common said above it. */
export function comparisonTable(
  groups: readonly { readonly title: string; readonly runs: readonly ComparedRun[] }[],
): string {
  const all = groups.flatMap(({ runs }) => runs);
  // What is the same in every run is said once, above the table.
  const same = (column: Column): boolean => all.length > 1 && new Set(all.map(column.text)).size === 1;
  const shown = COLUMNS.filter((column) => !same(column));
  const said = COLUMNS.filter(same).map((column) => `${column.title} ${column.text(all[0]!)}`);
  const note = said.length
    ? `<p class="note">The same in every run: ${escapeHtml(said.filter((text) => !text.endsWith(' ')).join('; '))}.</p>`
    : '';
  const head = ['task', 'run'].map((title) => `<th scope="col">${title}</th>`);
  for (const { title, number } of shown) head.push(`<th scope="col"${number ? ' class="n"' : ''}>${title}</th>`);
  const rows = groups.flatMap(({ title, runs }) =>
    runs.map((run) => {
      const name = escapeHtml(run.name);
      const link = run.href === undefined ? name : `<a href="${escapeHtml(run.href)}">${name}</a>`;
      const cells = shown.map(
        (column) => `<td${column.number ? ' class="n"' : ''}>${escapeHtml(column.text(run))}</td>`,
      );
      return `<tr><td>${escapeHtml(title)}</td><td>${link}</td>${cells.join('')}</tr>`;
    }),
  );
  return `${note}<div class="scroll" tabindex="0" role="region" aria-label="Table of the runs"><table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}
