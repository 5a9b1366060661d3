/**
 * @file Tasks `sports-players` and `sports-players-positions`: the sport that an athlete is known for. Nanda, Rajamanoharan, Kramár
 * and Shah 2023, "Fact Finding: Attempting to Reverse-Engineer Factual Recall on the Neuron Level"
 * (https://www.alignmentforum.org/s/hpWHhjvjn67LJ4xXX).
 */
import { defineTask } from '@auto-circuit/core/plugin';
import { SPORTS_PLAYERS_CIRCUITS } from './circuit.js';
import { generateSportsPlayers } from './generate.js';

const shared = {
  model: 'EleutherAI/pythia-2.8b-deduped',
  splitQkv: false,
  objective: 'logit-diff',
  officialCircuits: SPORTS_PLAYERS_CIRCUITS,
} as const;

/** Asks for the sport that an athlete is known for: basketball, football or baseball. */
export const sportsPlayers = defineTask({
  ...shared,
  name: 'sports-players',
  doc: 'basketball, football or baseball, by the athlete’s name; joint Q, K, V; 210 prompts',
  data: { count: 210, seed: 0, generate: generateSportsPlayers },
  batchSize: 15,
});

/** The same question, for names of equally many tokens, with edges for each token position. */
export const sportsPlayersPositions = defineTask({
  ...shared,
  name: 'sports-players-positions',
  doc: 'sports-players with edges for each token position: 200 prompts with names of equally many tokens',
  data: { count: 200, seed: 0, generate: (request) => generateSportsPlayers({ ...request, aligned: true }) },
  tokenPositions: true,
  batchSize: 10,
});
