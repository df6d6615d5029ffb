import { describe, expect, test } from '@jest/globals';
import { readText } from '../docs/markdown.js';

type Rgb = readonly [number, number, number];

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB. */
const SIGHTS: Readonly<Record<string, readonly Rgb[]>> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
/** Of CIE L*a*b*: about 2.3 is just noticed. */
const APART = 12;

const css = readText('src/dashboard/style.css');
const [light = '', dark = ''] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) => body ?? '');
const themes = { light: colours(light), dark: colours(dark) };

function colours(body: string): Readonly<Record<string, Rgb>> {
  const all = [...body.matchAll(/--([\w-]+): #([0-9a-f]{6});/g)];
  return Object.fromEntries(all.map(([, name, hex = '']) => [name, linear(hex)]));
}

function linear(hex: string): Rgb {
  const channel = (at: number): number => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return [channel(0), channel(2), channel(4)];
}

const dot = (a: Rgb, b: Rgb): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const luminance = (rgb: Rgb): number => dot(rgb, [0.2126, 0.7152, 0.0722]);

function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

function seen(rgb: Rgb, sight: string): Rgb {
  const [r, g, b] = SIGHTS[sight]!.map((row) => Math.min(1, Math.max(0, dot(row, rgb))));
  return [r!, g!, b!];
}

function lab(rgb: Rgb): Rgb {
  const f = (t: number): number => (t > 216 / 24_389 ? Math.cbrt(t) : (841 / 108) * t + 4 / 29);
  const x = f(dot(rgb, [0.4124, 0.3576, 0.1805]) / 0.9505);
  const y = f(luminance(rgb));
  const z = f(dot(rgb, [0.0193, 0.1192, 0.9505]) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

describe.each(Object.entries(themes))('the %s colours', (_name, theme) => {
  const of = (name: string): Rgb => theme[name]!;
  const lines = ['s0', 's1', 's2', 's3', 's4', 's5'];

  test.each([
    ['text', ['bg', 'surface', 'sunken']],
    ['muted', ['bg', 'surface', 'sunken']],
    ['accent', ['bg', 'surface', 'sunken']],
    ['on-accent', ['accent']],
    ['good', ['good-bg', 'surface']],
    ['bad', ['bad-bg', 'surface', 'bg']],
    ['busy', ['busy-bg']],
    ['wait', ['wait-bg', 'surface']],
  ])('%s can be read', (text, surfaces) => {
    for (const surface of surfaces)
      expect([surface, contrast(of(text), of(surface)) >= 4.5]).toEqual([surface, true]);
  });

  test('lines and the edges of controls stand out', () => {
    for (const name of [...lines, 'strong-border', 'p-edge']) {
      expect([name, contrast(of(name), of('surface')) >= 3]).toEqual([name, true]);
    }
  });

  test.each(Object.keys(SIGHTS))('series and phases are apart with %s', (sight) => {
    const distance = (a: string, b: string): number => {
      const [p, q] = [lab(seen(of(a), sight)), lab(seen(of(b), sight))];
      return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    };
    for (const names of [lines, ['p0', 'p1', 'p2']]) {
      for (const [i, a] of names.entries()) {
        for (const b of names.slice(i + 1)) expect([a, b, distance(a, b) > APART]).toEqual([a, b, true]);
      }
    }
  });
});
