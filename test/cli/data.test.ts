import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { zipSync } from 'fflate';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { CsvParser } from '../../src/cli/data/csv-parser.js';
import { decodeImage } from '../../src/cli/data/decode-image.js';
import { readNpy } from '../../src/cli/data/npy.js';
import type { DataOptions } from '../../src/cli/data/options.js';
import { readData } from '../../src/cli/data/read-data.js';
import { resize } from '../../src/cli/data/resize.js';

const dir = mkdtempSync(path.join(tmpdir(), 'cn-data-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function put(content: string | Uint8Array, extension: string): string {
  const file = path.join(dir, `d${(files += 1)}${extension}`);
  writeFileSync(file, content);
  return file;
}
const csv = (text: string, options: DataOptions = {}) => readData(put(text, '.csv'), options);
const from64 = (text: string): Buffer => Buffer.from(text, 'base64');

describe('CSV', () => {
  const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;

  it('gives back any fields, however the text is cut into pieces', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '1', ',', '"', '\n', '\r', ' ', 'é') });
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 9 }),
        fc.constantFrom('\n', '\r\n'),
        (rows, steps, lineEnd) => {
          const text = rows.map((row) => row.map(quoted).join(',')).join(lineEnd);
          const parser = new CsvParser('f', ',');
          const records = [];
          for (let at = 0, n = 0; at < text.length; n++) {
            const step = steps[n % steps.length] ?? 1;
            records.push(...parser.push(text.slice(at, at + step)));
            at += step;
          }
          expect([...records, ...parser.end()].map(({ fields }) => fields)).toEqual(rows);
        },
      ),
    );
  });

  it('makes categories 0/1 columns, scales numbers, and takes the label by name or position', async () => {
    const text = 'kind,size,id,age\nb,1,x,10\r\n"a",3,y,20\n\na,"5",z,30\n';
    const read = await csv(text, { label: 'kind', drop: ['id'], scale: 'standard' });
    const deviation = Math.sqrt(8 / 3);
    expect(read).toMatchObject({ numExamples: 3, classes: ['a', 'b'], skipped: 0 });
    expect(read.normalisation).toBe('numbers as (x - mean) / deviation');
    expect(read.data.inputShape).toEqual([2]);
    expect([...read.data.labels]).toEqual([1, 0, 0]);
    [-2 / deviation, -Math.sqrt(1.5), 0, 0, 2 / deviation, Math.sqrt(1.5)].forEach((value, i) =>
      expect(read.data.inputs[i]).toBeCloseTo(value, 6),
    );
    const other = await csv(text, { label: '-1', drop: ['id'], categories: ['size'] });
    expect([...other.data.inputs]).toEqual([0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    expect([[...other.data.labels], other.classes]).toEqual([[10, 20, 30], null]);
    expect(other.normalisation).toBe('2 of 2 columns as 0/1 for each category');
  });

  it('does with an encoding what was done where it was written', async () => {
    const encoding = path.join(dir, 'encoding.json');
    const first = await csv('colour,x,y\nred,0,no\nblue,10,yes\n', { encoding, scale: 'standard' });
    expect([...first.data.inputs]).toEqual([0, 1, -1, 1, 0, 1]);
    const second = await csv('colour,x,y\nred,20,yes\n', { encoding });
    expect([...second.data.inputs, ...second.data.labels]).toEqual([0, 1, 3, 1]);
    await expect(csv('colour,x,y\nred,1,no\ngreen,1,no\n', { encoding })).rejects.toThrow(
      /d\d+\.csv:3: column "colour": "green" is none of the 2 categories/,
    );
    await expect(csv('colour,z,y\nred,1,no\n', { encoding })).rejects.toThrow(/:1: column 1 \(from 0\)/);
    expect(JSON.parse(readFileSync(encoding, 'utf8'))).toMatchObject({ v: 1, kind: 'table' });
  });

  it.each<[string, string, DataOptions, RegExp]>([
    ['a value that is missing', 'a,b\n1,2\n3,NA\n', {}, /:3: column "b": the value is missing/],
    ['a text among numbers', 'a,b\n1,2\n\n1x,2\n', {}, /:4: column "a": "1x" is no number/],
    ['a number that f32 does not reach', 'a,b\n1,2\n1e39,2\n', {}, /:3: column "a"/],
    ['a row of another width', 'a,b\n"1\n",2\n1,2,3\n', {}, /:4: 3 fields, but the header names 2/],
    ['a quote that is not closed', 'a,b\n1,2\n"1,2\n', {}, /:3: a quote is not closed/],
    ['text after a quote', 'a,b\n"1"x,2\n', {}, /:2: there is text after a closing quote/],
    ['two columns of one name', 'a,a\n1,2\n', {}, /:1: two columns are named "a"/],
    ['another delimiter', 'a;b\n1;2\n', {}, /:1: one column only/],
    [
      'no such label',
      'a,b\n1,2\n',
      { label: 'c' },
      /:1: there is no column "c" for the label; there are a, b/,
    ],
    ['no such label', 'a,b\n1,2\n', { label: '-3' }, /no column "-3"/],
    ['no such column', 'a,b\n1,2\n', { drop: ['z'] }, /no column "z"/],
    ['no rows', 'a,b\n', {}, /no row of data/],
    ['an empty file', '', {}, /no row of data/],
  ])('names the place of %s', async (_, text, options, message) => {
    await expect(csv(text, options)).rejects.toThrow(message);
  });

  it('leaves out incomplete rows when it is told to, and says how many', async () => {
    const read = await csv('a,b\n1,2\n,3\n4,?\n5,6\n', { skipIncomplete: true });
    expect([read.skipped, [...read.data.inputs], [...read.data.labels]]).toEqual([2, [1, 5], [2, 6]]);
  });

  it('refuses an option that is for something else', async () => {
    await expect(csv('a,b\n1,2\n', { imageSize: { width: 2, height: 2 } })).rejects.toThrow(
      /--image-size is for images/,
    );
  });
});

/**
 * Written by NumPy 2: an .npz with x = np.asfortranarray(np.arange(24).reshape(4, 3, 2).astype('>f8') / 2 - 3) and
 * y = np.array([0, 1, 2, 1]), compressed; half precision; booleans; objects.
 */
const NPZ =
  'UEsDBC0AAAAIAAAAIQC7Oeks//////////8FABQAeC5ucHkBABAAQAEAAAAAAACPAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqGuo6Cell9UUpSYF59flJIKEg8pKk0FChdnJBakArkaJjoKxjoKRpo6CrUKZAIuBjDgOMCAAjgcILQElGaAyn+wh9ACUHEZKP1hP1QdlC8CpRWgNAtU/wOofh6ouBSU/gHV/wMqLwQVl4PSD6DyLFC+GJRWdAAAUEsDBC0AAAAIAAAAIQC+xP+T//////////8FABQAeS5ucHkBABAAoAAAAAAAAABMAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GiY6mjoKtQoUAC4GKGCE0kxofABQSwECLQMtAAAACAAAACEAuznpLI8AAABAAQAABQAAAAAAAAAAAAAAgAEAAAAAeC5ucHlQSwECLQMtAAAACAAAACEAvsT/k0wAAACgAAAABQAAAAAAAAAAAAAAgAHGAAAAeS5ucHlQSwUGAAAAAAIAAgBmAAAASQEAAAAA';
const HALVES =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAC+AAQBAP97VDU=';
const OBJECTS =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJWSAAAA';

/** An array as NumPy writes it. */
function npy(shape: readonly number[], values: Float32Array): Uint8Array {
  const text =
    `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.padEnd(117) + '\n';
  const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([text.length, 0])]);
  return Buffer.concat([head, Buffer.from(text), new Uint8Array(values.buffer)]);
}

describe('NumPy files', () => {
  it('reads what NumPy wrote: big-endian, column-major, compressed, 64-bit integers, halves', async () => {
    const { data, numExamples } = await readData(put(from64(NPZ), '.npz'), {});
    expect([numExamples, data.inputShape, data.labelShape]).toEqual([4, [3, 2], [1]]);
    expect([...data.inputs]).toEqual(Array.from({ length: 24 }, (_, i) => i / 2 - 3));
    expect([...data.labels]).toEqual([0, 1, 2, 1]);
    const halves = readNpy(from64(HALVES), 'h.npy');
    expect([...halves.values].map((value) => Number(value.toPrecision(5)))).toEqual([
      0, -1.5, 6.1035e-5, 5.9605e-8, 65504, 0.33301,
    ]);
  });

  it('takes a table with its label column, and arrays by their names', async () => {
    const table = put(npy([2, 3], Float32Array.of(1, 2, 255, 4, 5, 6)), '.npy');
    const read = await readData(table, { label: '1', scale: '255' });
    expect([...read.data.inputs]).toEqual([1, 255, 4, 6].map((value) => Math.fround(value / 255)));
    expect([...read.data.labels]).toEqual([2, 5]);
    const named = zipSync({
      'a.npy': npy([2], Float32Array.of(1, 2)),
      'b.npy': npy([2, 2], Float32Array.of(0, 1, 1, 0)),
    });
    const both = await readData(put(named, '.npz'), { arrays: ['a', 'b'] });
    expect([both.data.inputShape, both.data.labelShape]).toEqual([[1], [2]]);
    await expect(readData(put(named, '.npz'), {})).rejects.toThrow(/no array "x"; there are a, b/);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['objects', from64(OBJECTS), /something other than numbers/],
    ['a file that is cut off', npy([2, 3], Float32Array.of(1, 2)), /needs 24 bytes; there are 8/],
    ['no array', Buffer.from('hello, world, hello'), /no \.npy array/],
    ['NaN', npy([2, 2], Float32Array.of(1, 2, NaN, 4)), /\[1, 0\] is NaN/],
    ['no table', npy([4], Float32Array.of(1, 2, 3, 4)), /has shape \[4\]/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(readData(put(bytes, '.npy'), {})).rejects.toThrow(message);
  });

  it('refuses a broken .npz, and one whose labels are of another number', async () => {
    await expect(readData(put(Buffer.from('PK no'), '.npz'), {})).rejects.toThrow(
      /no \.npz that can be read/,
    );
    const odd = zipSync({ 'x.npy': npy([2], new Float32Array(2)), 'y.npy': npy([1], new Float32Array(1)) });
    await expect(readData(put(odd, '.npz'), {})).rejects.toThrow(/2 inputs in "x", 1 labels in "y"/);
  });
});

/**
 * Written by Pillow from pixels with red 50 x, green 40 y, blue 20 (x + y), 5 wide, 6 high: a palette of 8 colours; the
 * same, 16 × 16, as a progressive JPEG, where the pixel (8, 8) was (108, 108, 97).
 */
const PALETTE =
  'iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGBAMAAAD51Ul4AAAAGFBMVEWWtJaWeHgZtGQZeEZkUFCvFFBkFDIZFBSo+953AAAAIElEQVR4nGMsf/eaiYGBgdGY7zwTAwMDgxIDAxMDAwMAQiYDi1V/yx4AAAAASUVORK5CYII=';
const PROGRESSIVE =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARCAAQABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAABgf/xAAVAQEBAAAAAAAAAAAAAAAAAAABA//aAAwDAQACEAMQAAABhLla5g//xAAYEAACAwAAAAAAAAAAAAAAAAAEBQERIf/aAAgBAQABBQIRVNiKpoRVoirP/8QAGBEAAgMAAAAAAAAAAAAAAAAAAAUGITH/2gAIAQMBAT8Bj7/LP//EABYRAAMAAAAAAAAAAAAAAAAAAAACA//aAAgBAgEBPwFan//EABQQAQAAAAAAAAAAAAAAAAAAACD/2gAIAQEABj8CH//EABcQAQEBAQAAAAAAAAAAAAAAAAEAQVH/2gAIAQEAAT8hwG7EWCLBf//aAAwDAQACAAMAAAAQo//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQMBAT8QR//EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQIBAT8Qf//EABkQAQACAwAAAAAAAAAAAAAAAAARcSExUf/aAAgBAQABPxC9UZjRbyO5P//Z';

function gradient(width: number, height: number, alpha = 255): PNG {
  const png = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    png.data.set([x * 50, y * 40, (x + y) * 20, alpha], i * 4);
  }
  return png;
}

describe('images', () => {
  it('decodes palettes, progressive JPEG, and shows what is transparent on white', () => {
    const palette = decodeImage('p.png', from64(PALETTE), 3);
    expect([palette.width, palette.height]).toEqual([5, 6]);
    // The colour of the palette that is nearest to (0, 0, 0).
    expect([...palette.values.slice(0, 3)].map((value) => Math.round(value * 255))).toEqual([25, 20, 20]);
    const { values } = decodeImage('p.jpg', from64(PROGRESSIVE), 3);
    const pixel = [...values.slice((8 * 16 + 8) * 3, (8 * 16 + 9) * 3)].map((value) => value * 255);
    [108, 108, 97].forEach((value, c) => expect(Math.abs((pixel[c] ?? 0) - value)).toBeLessThan(8));
    const clear = decodeImage('c.png', PNG.sync.write(gradient(1, 1, 0)), 1);
    expect(clear.values[0]).toBeCloseTo(1, 6);
  });

  it('resizes as Pillow does with its BILINEAR filter', () => {
    const { values } = resize(decodeImage('g.png', PNG.sync.write(gradient(5, 6)), 3), {
      width: 2,
      height: 3,
    });
    const pillow = [50, 29, 34, 150, 29, 74, 50, 100, 70, 150, 100, 110, 50, 171, 106, 150, 171, 146];
    pillow.forEach((value, i) => expect(Math.abs((values[i] ?? 0) * 255 - value)).toBeLessThan(1.01));
  });

  it('keeps what is even, whatever the sizes', () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(side, side, side, side, (width, height, toWidth, toHeight) => {
        const values = new Float32Array(width * height).fill(0.25);
        const to = resize({ width, height, channels: 1, values }, { width: toWidth, height: toHeight });
        expect(to.values).toHaveLength(toWidth * toHeight);
        to.values.forEach((value) => expect(value).toBeCloseTo(0.25, 5));
      }),
    );
  });

  it('reads a folder a class, in order, and says which file does not fit', async () => {
    const folder = path.join(dir, 'pets');
    for (const name of ['dog', 'cat']) mkdirSync(path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, 'cat', '1.png'), PNG.sync.write(gradient(4, 4)));
    const picture = jpeg.encode({ width: 8, height: 6, data: Buffer.alloc(8 * 6 * 4, 255) }, 90).data;
    writeFileSync(path.join(folder, 'dog', '1.JPG'), picture);
    await expect(readData(folder, {})).rejects.toThrow(/dog.1\.JPG: 8x6 pixels; the first image has 4x4/);
    const encoding = path.join(dir, 'classes.json');
    const read = await readData(folder, { imageSize: { width: 4, height: 3 }, channels: 1, encoding });
    expect(read).toMatchObject({ numExamples: 2, classes: ['cat', 'dog'], skipped: 0 });
    expect([read.data.inputShape, [...read.data.labels]]).toEqual([
      [3, 4, 1],
      [0, 1],
    ]);
    [...read.data.inputs.slice(12)].forEach((value) => expect(value).toBeCloseTo(1, 2));
    mkdirSync(path.join(folder, 'ant'));
    await expect(readData(folder, { encoding })).rejects.toThrow(/ant: the encoding has no class "ant"/);
    writeFileSync(path.join(folder, 'cat', '2.png'), 'not a picture');
    await expect(readData(folder, {})).rejects.toThrow(/cat.2\.png: this is no PNG and no JPEG/);
    writeFileSync(path.join(folder, 'cat', 'notes.txt'), '');
    await expect(readData(folder, {})).rejects.toThrow(/notes\.txt: this is no \.png/);
  });
});
