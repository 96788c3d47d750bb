export { createMediaPeer, MediaPeer } from './peer.js';
export type { Span } from './listening.js';
export { createMediaShare, type MediaShare } from './share.js';
export { measureTone, measureToneSliced, toneShare, type ToneMeasure } from './measure.js';
export { findDtmf, type InbandKey } from './inband-dtmf.js';
export { parseWav, readWav, type WavAudio } from './wav.js';
export { sampleSource } from './sound-loops.js';
export type { DigitTiming } from './sender.js';
export type * from './types.js';
