/** @file The algorithm of a finished run with its options and objective, to be run once more. */
import type { DiscoverRequest, RunJson } from '@auto-circuit/core/run';
import type { Cli } from '../context/context.js';
import { objectiveNamed } from './named-contributions.js';

/** @param where the command, for errors */
export async function algoAgain(
  cli: Cli,
  { asked }: RunJson,
  where: string,
): Promise<Pick<DiscoverRequest, 'algo' | 'algoOptions' | 'objective'>> {
  const { parseOptions } = await import('@auto-circuit/core/plugin');
  const algo = (await cli.registry()).get('prune-algo', asked.algo.name);
  const algoOptions = parseOptions(algo.options, asked.algo.options, asked.algo.name);
  return { algo, algoOptions, objective: await objectiveNamed(cli, where, asked.objective) };
}
