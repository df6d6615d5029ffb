import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../src/protocol/audit.js';
import { chained, linesOf, sha256, verify, type Unchained } from './trail.js';

const entry: fc.Arbitrary<Unchained> = fc.record({
  action: fc.constantFrom('key.created', 'job.submitted', 'session.ended'),
  target: fc.dictionary(
    fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== '__proto__'),
    fc.oneof(fc.string({ maxLength: 12 }), fc.integer()),
    { maxKeys: 3 },
  ),
  count: fc.integer({ min: 1, max: 9 }),
});
/** A trail of at least three entries, and a place in it that is neither the first nor the last. */
const trailAndPlace = fc
  .array(entry, { minLength: 3, maxLength: 20 })
  .chain((entries) =>
    fc.tuple(fc.constant(chained(entries)), fc.integer({ min: 1, max: entries.length - 2 })),
  );

describe('a trail as it was written', () => {
  test('is good, in whole, in two parts, and against its last hash', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, async ([trail, at]) => {
        const lines = linesOf(trail);
        const last = trail.at(-1)?.sha256 ?? '';
        expect(await verify(lines, { last })).toEqual({
          ok: true,
          entries: lines.length,
          firstSeq: 1,
          last: { seq: lines.length, sha256: last },
          fault: null,
        });
        const previous = trail[at - 1]?.sha256 ?? '';
        expect((await verify(lines.slice(0, at), { last: previous })).ok).toBe(true);
        expect((await verify(lines.slice(at), { previous, last })).ok).toBe(true);
      }),
    );
  });

  test('may be empty', async () => {
    expect(await verify([])).toMatchObject({ ok: true, entries: 0, last: null });
  });
});

describe('a trail that somebody changed', () => {
  test('names the line of which any one byte is another', async () => {
    const edit = fc.record({ where: fc.nat(), to: fc.integer({ min: 32, max: 126 }) });
    await fc.assert(
      fc.asyncProperty(trailAndPlace, edit, async ([trail, at], { where, to }) => {
        const lines = linesOf(trail);
        const line = lines[at] ?? '';
        const i = where % line.length;
        const changed = line.slice(0, i) + String.fromCharCode(to) + line.slice(i + 1);
        fc.pre(changed !== line);
        lines[at] = changed;
        expect((await verify(lines)).fault).toMatchObject({ line: at + 1, kind: 'altered' });
      }),
      { numRuns: 500 },
    );
  });

  test('names the line of which a byte was taken or to which one was added', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, fc.nat(), fc.boolean(), async ([trail, at], where, add) => {
        const lines = linesOf(trail);
        const line = lines[at] ?? '';
        const i = where % line.length;
        lines[at] = line.slice(0, i) + (add ? ' ' : '') + line.slice(i + (add ? 0 : 1));
        expect((await verify(lines)).fault).toMatchObject({ line: at + 1, kind: 'altered' });
      }),
    );
  });

  test('names the line at which one or more are missing', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, fc.nat(), async ([trail, at], some) => {
        const lines = linesOf(trail);
        lines.splice(at, 1 + (some % (trail.length - at - 1)));
        expect((await verify(lines)).fault).toMatchObject({
          line: at + 1,
          seq: expect.any(Number),
          kind: 'removed',
        });
      }),
    );
  });

  test('names the line from which two were exchanged', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, fc.nat(), async ([trail, at], other) => {
        const to = at + 1 + (other % (trail.length - at - 1));
        const lines = linesOf(trail);
        [lines[at], lines[to]] = [lines[to] ?? '', lines[at] ?? ''];
        expect((await verify(lines)).fault).toMatchObject({ line: at + 1, kind: 'reordered' });
      }),
    );
  });

  test('names the line that stands there twice, or comes from another trail', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, async ([trail, at]) => {
        const lines = linesOf(trail);
        lines.splice(at, 0, lines[at - 1] ?? '');
        expect((await verify(lines)).fault).toMatchObject({ line: at + 1, kind: 'inserted' });
        const [foreign] = chained(
          [{ action: 'key.created', target: {}, count: 1 }],
          at + 1,
          trail[at - 1]?.sha256,
        );
        const hashed = { ...foreign, trail: 'other' } as Record<string, unknown>;
        delete hashed['sha256'];
        const other = canonicalJson({ ...hashed, sha256: sha256(canonicalJson(hashed)) });
        const mixed = [...linesOf(trail).slice(0, at), other];
        expect((await verify(mixed)).fault).toMatchObject({ line: at + 1, kind: 'inserted' });
      }),
    );
  });

  test('names the line after one that was written anew with a hash that fits', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, async ([trail, at]) => {
        const [forged] = chained(
          [{ action: 'key.revoked', target: { forged: 1 }, count: 1 }],
          at + 1,
          trail[at - 1]?.sha256,
        );
        const lines = linesOf(trail.map((one, i) => (i === at && forged !== undefined ? forged : one)));
        expect((await verify(lines)).fault).toMatchObject({ line: at + 2, kind: 'altered' });
      }),
    );
  });

  test('has lost its end, or was written anew to its end: seen by the hash of the last entry', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, async ([trail, at]) => {
        const last = trail.at(-1)?.sha256 ?? '';
        const cut = linesOf(trail).slice(0, at);
        expect((await verify(cut)).ok).toBe(true);
        expect((await verify(cut, { last })).fault).toMatchObject({ line: at + 1, kind: 'truncated' });
        const anew = chained(trail.map((one) => ({ ...one, count: one.count + 1 })).map(bare));
        expect((await verify(linesOf(anew), { last })).fault).toMatchObject({ kind: 'truncated' });
        expect((await verify([], { last })).fault).toMatchObject({ line: 1, kind: 'truncated' });
      }),
    );
  });

  test('has lost its beginning: seen unless the pool dropped it and said so', async () => {
    await fc.assert(
      fc.asyncProperty(trailAndPlace, async ([trail, at]) => {
        const rest = linesOf(trail.slice(at));
        expect((await verify(rest)).fault).toMatchObject({ line: 1, kind: 'truncated' });
        const dropped = trail[at - 1]?.sha256 ?? '';
        const end = trail.at(-1);
        const anchor = (throughSha256: string): string[] =>
          linesOf(
            chained(
              [{ action: 'trail.trimmed', target: { throughSeq: at, throughSha256 }, count: 1 }],
              trail.length + 1,
              end?.sha256,
            ),
          );
        expect((await verify([...rest, ...anchor(dropped)])).ok).toBe(true);
        expect((await verify([...rest, ...anchor(sha256('another'))])).fault).toMatchObject({ line: 1 });
      }),
    );
  });
});

function bare({ action, target, count }: Unchained): Unchained {
  return { action, target, count };
}
