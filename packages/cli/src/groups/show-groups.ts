/** @file What `clusters` says: the groups, which circuit serves which, and whether one circuit for all is enough. */
import type { Clusters, JsonNumber } from '@auto-circuit/core/run';
import { countOf, formatCount, formatFaithfulness, formatValue } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';

/** @param name the run as the user typed it */
export function showGroups(output: Output, clusters: Clusters, name: string): void {
  const { bold, dim } = output.colors;
  const { groups, grouping, edges, faithfulness, gains, measuredOn, by } = clusters;
  const right = (title: string) => ({ title, align: 'right' as const });
  output.line(bold(headline(clusters)));
  if (grouping.tried.length > 0) {
    const tried = grouping.tried.map(({ groups: count, silhouette }) => `${count}: ${silhouette.toFixed(2)}`);
    output.line(dim(`mean silhouette by number of groups  ${tried.join('   ')}`));
  }
  output.line();
  const said = by === 'logit-diff' ? 'faithfulness' : `share of the empty circuit’s ${by} that is left`;
  output.line(bold(`${said} of circuits of ${countOf(edges, 'edge')}`));
  writeTable(
    output,
    [
      { title: 'prompts of' },
      right('found on'),
      right('measured'),
      right('shared'),
      ...groups.map((group) => right(`of ${group.name}`)),
      right('own over shared'),
    ],
    groups.map((group, g) => [
      group.name,
      formatCount(group.prompts),
      formatCount(group.measured),
      ...(faithfulness[g]?.map(({ value }) => shown(value)) ?? ['–', ...groups.map(() => '–')]),
      gainText(gains[g] ?? null),
    ]),
  );
  const unmeasured = faithfulness.filter((row) => row === null).length;
  if (unmeasured > 0) {
    output.note(
      `–: on these prompts the whole model and the empty circuit cannot be told apart, so there is nothing to be faithful to`,
    );
  }
  output.line(
    dim(
      measuredOn === 'test'
        ? 'measured on prompts that scores were not made of, each in the group whose centre is nearest'
        : 'measured on the prompts that circuits were found on, which flatters the circuits of small groups (use --test)',
    ),
  );
  output.line();
  output.line(VERDICTS[clusters.verdict](groups.length));
  output.line();
  const circuits = groups.map(({ circuit }) => `${name}/${circuit}`);
  output.line(`files   ${name}/clusters.json, ${circuits.join(', ')}`);
  output.line(`report  ${name}/report.html`);
}

function headline({ groups, grouping, prompts }: Clusters): string {
  const found = `${countOf(prompts.length, 'prompt')} in ${countOf(groups.length, 'group')}`;
  if (grouping.silhouette !== null) return `${found}, mean silhouette ${grouping.silhouette.toFixed(2)}`;
  return grouping.asked === null ? `${found}: no number of groups fits them better than one` : found;
}

const shown = (value: JsonNumber): string => (typeof value === 'number' ? formatFaithfulness(value) : value);

const gainText = (gain: Clusters['gains'][number]): string =>
  gain === null
    ? '–'
    : `${gain.value < 0 ? '' : '+'}${formatValue(gain.value)} (${formatValue(gain.low)} to ${formatValue(gain.high)})`;

/** The question of data-driven circuit discovery, answered. */
const VERDICTS: Readonly<Record<Clusters['verdict'], (groups: number) => string>> = {
  one: (groups) =>
    groups === 1
      ? 'one circuit for all prompts: there is no second kind of them to be told apart by their scores'
      : 'one circuit for all prompts is justified at this size: no group is served better by a circuit of its own',
  some: () => 'one circuit for all prompts serves some groups worse than a circuit of their own of the same size',
  several: (groups) =>
    `one circuit for all prompts is not justified: ${groups === 2 ? 'both groups are' : `all ${groups} groups are`} served better by a circuit of their own of the same size`,
};
