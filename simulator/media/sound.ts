/** What is said, and in which codec. */
export type Codec = 'opus' | 'PCMA' | 'PCMU';

/** What the fake user sends. `level` is in dBFS of the peak (0 is full scale), -12 when not given. */
export type Source =
  | { readonly kind: 'tone'; readonly hz: number; readonly level?: number }
  | { readonly kind: 'speech'; readonly level?: number }
  | { readonly kind: 'silence' };
