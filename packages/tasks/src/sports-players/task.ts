/** @file Tasks `sports-players` and `sports-players-positions`: the sport that an athlete is known for. */
import { defineTask } from '@auto-circuit/core/plugin';
import { SPORTS_PLAYERS_CIRCUITS } from './circuit.js';
import { generateSportsPlayers } from './generate.js';

const shared = {
  model: 'EleutherAI/pythia-2.8b-deduped',
  splitQkv: false,
  objective: 'logit-diff',
  officialCircuits: SPORTS_PLAYERS_CIRCUITS,
} as const;

export const sportsPlayers = defineTask({
  ...shared,
  name: 'sports-players',
  doc: 'basketball, football or baseball, by the athlete’s name; joint Q, K, V; 210 prompts',
  data: { count: 210, seed: 0, generate: generateSportsPlayers },
  batchSize: 15,
});

export const sportsPlayersPositions = defineTask({
  ...shared,
  name: 'sports-players-positions',
  doc: 'sports-players with edges for each token position: 200 prompts with names of equally many tokens',
  data: { count: 200, seed: 0, generate: (request) => generateSportsPlayers({ ...request, aligned: true }) },
  tokenPositions: true,
  batchSize: 10,
});
