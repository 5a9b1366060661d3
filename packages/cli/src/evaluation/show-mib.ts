/** @file What `evaluate --protocol mib` prints. */
import type { Cli } from '../context/context.js';
import type { OpenedRun } from '../run/open-run.js';
import { formatCount, formatValue } from '../terminal/numbers.js';
import { writeTable } from '../terminal/table.js';
import type { MibResult } from './mib-result.js';

const RANKED = { signed: 'by signed score', absolute: 'by |score|' } as const;

/** As tables, or as one JSON document. */
export function showMib(
  { output }: Cli,
  { name, opened, ...result }: MibResult & { readonly name: string; readonly opened: OpenedRun },
): void {
  if (output.jsonOnly) {
    output.json({
      source: name,
      task: opened.dataName,
      model_name: opened.model.name,
      edges_total: opened.graph.edgeCount,
      ...result,
    });
    return;
  }
  const items = result.level === 'node' ? 'nodes' : 'edges';
  for (const { rank_by, points, cpr, cmd, average } of result.curves) {
    const how = rank_by === null ? 'the circuits of the files' : `${result.select} ${items} ${RANKED[rank_by]}`;
    output.line(`${how}: CPR ${formatValue(cpr)}, CMD ${formatValue(cmd)}, mean faithfulness ${formatValue(average)}`);
    const rows = points.map(({ fraction, asked, edges, value, faithfulness }) => [
      share(fraction),
      formatCount(asked),
      formatCount(edges),
      formatValue(value),
      formatValue(faithfulness),
    ]);
    writeTable(
      output,
      ['share', `${items} asked`, 'edges connected', result.metric, 'faithfulness'].map((title) => ({
        title,
        align: 'right' as const,
      })),
      rows,
    );
    output.line();
  }
  const whole = result.curves.length === 2 ? ['CPR (signed)', 'CMD (absolute)'] : ['CPR', 'CMD'];
  const rows = [
    [whole[0]!, formatValue(result.cpr)],
    [whole[1]!, formatValue(result.cmd)],
    ...(result.roc ? [[`ROC area (${result.roc.reference})`, formatValue(result.roc.area)]] : []),
  ];
  writeTable(output, [{ title: 'MIB' }, { title: '', align: 'right' }], rows);
}

const share = (fraction: number): string => `${Number((fraction * 100).toPrecision(3))} %`;
