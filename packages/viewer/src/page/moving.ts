/** @file How many edges are drawn while the slider moves: all where the browser keeps up, else the most important ones until it rests. */

/** Longer than this between two drawings of one movement is not smooth. */
const SLOW_MS = 50;
const FAST_MS = 25;
/** A longer pause is a movement's end, not a slow frame. */
const PAUSE_MS = 600;
const LEAST = 400;

/** How many edges may be drawn. */
export interface MovingLimit {
  /** Called before each drawing. @returns how many edges it may have */
  next(now: number): number;
}

/** A limit that begins at `most`. */
export function createMovingLimit(most: number): MovingLimit {
  let limit = most;
  let last = Number.NEGATIVE_INFINITY;
  return {
    next(now) {
      const passed = now - last;
      last = now;
      if (passed > SLOW_MS && passed < PAUSE_MS) limit = Math.max(Math.min(LEAST, most), Math.round(limit * 0.6));
      else if (passed < FAST_MS) limit = Math.min(most, Math.round(limit * 1.25) + 1);
      return limit;
    },
  };
}
