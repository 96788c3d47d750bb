import { MediaClock } from './clock.js';
import { SoundLoops } from './sound-loops.js';

/** What peers of one process share: the pacing clock and the sounds that were encoded once. */
export interface MediaShare {
  readonly clock: MediaClock;
  readonly sounds: SoundLoops;
  close(): void;
}

export function createMediaShare(): MediaShare {
  const clock = new MediaClock();
  const sounds = new SoundLoops();
  return { clock, sounds, close: () => clock.close() };
}
