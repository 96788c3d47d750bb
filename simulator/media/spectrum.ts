/** Spectral helpers on real samples: plain loops, no allocation per sample. */

/** In-place radix-2 FFT (Cooley and Tukey); the length is a power of two. */
export function fft(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; (j & bit) !== 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  for (let half = 1; half < n; half *= 2) {
    const stepRe = Math.cos(-Math.PI / half);
    const stepIm = Math.sin(-Math.PI / half);
    for (let start = 0; start < n; start += 2 * half) {
      let wRe = 1;
      let wIm = 0;
      for (let k = start; k < start + half; k++) {
        const oddRe = re[k + half]! * wRe - im[k + half]! * wIm;
        const oddIm = re[k + half]! * wIm + im[k + half]! * wRe;
        re[k + half] = re[k]! - oddRe;
        im[k + half] = im[k]! - oddIm;
        re[k] = re[k]! + oddRe;
        im[k] = im[k]! + oddIm;
        const next = wRe * stepRe - wIm * stepIm;
        wIm = wRe * stepIm + wIm * stepRe;
        wRe = next;
      }
    }
  }
}

export type Samples = Int16Array | Float64Array;

/** Sum of squares. */
export function energyOf(samples: Samples): number {
  let energy = 0;
  for (const x of samples) energy += x * x;
  return energy;
}

/**
 * Energy of the best-fitting sinusoid of one frequency (least squares on sine and cosine, exact for any number of
 * cycles).
 * @param hz between 0 and half the rate, both excluded.
 */
export function sinusoidEnergy(samples: Samples, rate: number, hz: number): number {
  const step = (2 * Math.PI * hz) / rate;
  const stepRe = Math.cos(step);
  const stepIm = Math.sin(step);
  let c = 1;
  let s = 0;
  let xc = 0;
  let xs = 0;
  let cc = 0;
  let ss = 0;
  let cs = 0;
  for (const x of samples) {
    xc += x * c;
    xs += x * s;
    cc += c * c;
    ss += s * s;
    cs += c * s;
    const next = c * stepRe - s * stepIm;
    s = c * stepIm + s * stepRe;
    c = next;
  }
  const determinant = cc * ss - cs * cs;
  if (determinant <= 1e-9) return 0;
  return (ss * xc * xc - 2 * cs * xc * xs + cc * xs * xs) / determinant;
}
