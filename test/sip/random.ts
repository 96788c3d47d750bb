/** A small seeded generator: a property that fails fails again. */
export interface Random {
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
  text(alphabet: string, maxLength: number): string;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n: number) => next() % n;
  return {
    below,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
    text: (alphabet, maxLength) => {
      const letters = [...alphabet];
      return Array.from({ length: below(maxLength + 1) }, () => letters[below(letters.length)]).join('');
    },
  };
}

/** What breaks parsers: separators, quotes, escapes, controls, letters beyond ASCII. */
export const NASTY = 'aZ09 ,;:@<>"\\=%/?&+$#|\r\n\t\u0000\u007f\u2028éß漢😀[]()';
