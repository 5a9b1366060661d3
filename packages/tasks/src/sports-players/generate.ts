/** @file Prompts of sports players: an athlete's name, and the sport. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { oneTokenWords, tokensOf } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { draw, pick } from '../prompt-set/random-choice.js';
import { ATHLETES, SPORTS, type Sport } from './athletes.js';

/** Two other sports show what is asked. */
export const SPORTS_SENTENCE =
  'Serena Williams is known for playing tennis.\nLionel Messi is known for playing soccer.\n{name} is known for playing';

/** What is asked of `generateSportsPlayers`. */
export interface SportsSettings extends PromptRequest {
  /** Only names of as many tokens as most have, so that all prompts are aligned, with word indices. Default: false. */
  readonly aligned?: boolean;
}

/**
 * An athlete known for basketball, football (American) or baseball, and the name of the sport. The corrupt prompt
 * has an athlete of another of these sports whose name has as many tokens; that sport is the wrong answer.
 *
 * Word indices of aligned prompts: `first` and `last` token of the name, `end`.
 * @throws AutoCircuitError when the sports are not one token each, or too few prompts can be made
 */
export function generateSportsPlayers({ aligned = false, ...request }: SportsSettings): PromptFile {
  const task = aligned ? 'sports-players-positions' : 'sports-players';
  const { encoder } = request;
  oneTokenWords(task, 'sports', encoder, SPORTS, SPORTS.length);
  const tokens = (name: string): number => tokensOf(encoder, `\n${name}`).length - tokensOf(encoder, '\n').length;
  const length = aligned ? mostFrequent(Object.values(ATHLETES).flat().map(tokens)) : null;
  const players = SPORTS.flatMap((sport) => ATHLETES[sport].map((name) => ({ sport, name, tokens: tokens(name) })));
  const usable = players.filter((player) => length === null || player.tokens === length);
  const drawn = (random: RandomSource): Draft => {
    const [sport, other] = draw(random, SPORTS, 2) as [Sport, Sport];
    const clean = pick(
      random,
      usable.filter((player) => player.sport === sport),
    );
    const partners = usable.filter((player) => player.sport === other && player.tokens === clean.tokens);
    const corrupt = partners.length > 0 ? pick(random, partners) : clean; // without a partner the two sides are equal, and the prompt is drawn again
    return {
      ...filledPair(SPORTS_SENTENCE, {}, { name: clean.name }, { name: corrupt.name }),
      answers: [` ${sport}`],
      wrongAnswers: [` ${other}`],
    };
  };
  if (length === null) return promptSet({ task, request, draw: drawn });
  return promptSet({
    task,
    request,
    draw: drawn,
    wordIdxs: ({ name }, all) => ({ first: name! - (length - 1), last: name!, end: all - 1 }),
  });
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0]![0];
}
