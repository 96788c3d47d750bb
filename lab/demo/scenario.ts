import type { Played } from './result.js';
import type { Stage, StageOptions } from './stage.js';

/** What a scenario needs on its stage, and what it plays there. */
export interface ScenarioParts extends Pick<StageOptions, 'numbers' | 'trunks' | 'outbound' | 'meta'> {
  readonly play: (stage: Stage) => Promise<Played>;
}
