/** @file What a run's algorithm and objective were, from its `run.json`. */
import type { DiscoverRequest, RunJson } from '@auto-circuit/core/run';
import type { Cli } from '../context/context.js';
import { objectiveNamed } from './named-contributions.js';

/** The algorithm of a run with its options, and its objective. @param where the command, for errors */
export async function chosenAgain(
  cli: Cli,
  where: string,
  { asked }: RunJson,
): Promise<Pick<DiscoverRequest, 'algo' | 'algoOptions' | 'objective'>> {
  const { parseOptions } = await import('@auto-circuit/core/plugin');
  const algo = (await cli.registry()).get('prune-algo', asked.algo.name);
  const algoOptions = parseOptions(algo.options, asked.algo.options, asked.algo.name);
  return { algo, algoOptions, objective: await objectiveNamed(cli, where, asked.objective) };
}
